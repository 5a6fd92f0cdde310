/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is frozen, in memory that every process of a freeze shares and that outlives them all: a
 * file in tmpfs, mapped, so that a change of state is one store, and gone with the next boot. Each process locks its byte of the
 * file; the kernel lets go of it when that process ends, and so it tells who lives.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "freeze/protocol.h"

/* Changes with every change of the layout: a ledger of another version is not trusted. */
#define LEDGER_MAGIC "QLEDGER2"
#define LEDGER_PREFIX "ledger-"
#define LEDGER_NAME_MAX 32

typedef enum LedgerByte {
        LEDGER_FREEZER,
        LEDGER_DEADMAN,
        LEDGER_KEEPERS, /* and one more for each mount behind the first */
} LedgerByte;

typedef struct LedgerMount {
        _Atomic uint32_t state; /* FreezeState */
        _Atomic int32_t error;
        uint32_t group;
        uint32_t major;
        uint32_t minor;
        uint32_t reserved;
        uint64_t freezing_at_usec;
        uint64_t frozen_at_usec;
        uint64_t thawing_at_usec;
        uint64_t thawed_at_usec;
        char path[FREEZE_PATH_MAX];
} LedgerMount;

typedef struct LedgerFile {
        char magic[8];
        uint32_t n_mounts;
        _Atomic uint32_t aborted; /* freeze nothing from now on, and thaw what is frozen */
        _Atomic uint32_t expedited; /* we have set rcu_expedited, which was 0 */
        uint32_t reserved;
        LedgerMount mounts[];
} LedgerFile;

typedef struct Ledger {
        int folder_fd; /* not owned */
        int fd; /* -EBADF when empty */
        size_t size;
        char name[LEDGER_NAME_MAX];
        LedgerFile *file;
} Ledger;

#define LEDGER_INIT ((Ledger){ .folder_fd = -EBADF, .fd = -EBADF })

/*
 * A fresh one, locked by the freezer. -ENOTSUP unless the folder is in tmpfs: on any
 * other file system, a store might wait for the thaw that it is to bring about.
 */
int ledger_create(int folder_fd, uint32_t n_mounts, Ledger *ret);
void ledger_done(Ledger *ledger);
void ledger_remove(const Ledger *ledger);

/* By fcntl(2): closing any descriptor of the file would end the lock, so nobody opens a second. */
int ledger_lock(const Ledger *ledger, unsigned byte);
bool ledger_is_locked(const Ledger *ledger, unsigned byte);

/* Whether a mount in this state, or any of them, is frozen by us or may be. */
bool ledger_state_is_held(uint32_t state);
bool ledger_is_held(const Ledger *ledger);

/*
 * What does not answer in time is ETIMEDOUT to those who ask for its error. If only its thaw was late
 * this is forgiven, right behind the FITHAW that worked: it was frozen until then.
 */
void ledger_note_late(LedgerMount *mount);
void ledger_forgive_late(LedgerMount *mount);
int32_t ledger_error(const LedgerMount *mount);

/* The mounts of a group stand together: where the last one before `end` begins. */
uint32_t ledger_group_start(const LedgerFile *file, uint32_t end);

size_t ledger_size(uint32_t n_mounts);
int ledger_map(Ledger *ledger, size_t size);
