/* SPDX-License-Identifier: Apache-2.0 */
/* Why something stays that no rule keeps. */

#include "flow/guard.h"

#include <stdarg.h>

#include "base/text.h"

enum {
        OF_IMAGES = 1 << 0, /* and bundles */
        OF_SETS = 1 << 1,
};

/* The cheapest first: what one has found a reason for, the next ones need not ask about. */
static const struct {
        const char *name; /* of Override=; NULL: it always holds */
        unsigned kinds;
        int (*check)(Guard *guard);
} checks[] = {
        { NULL, OF_IMAGES | OF_SETS, guard_check_jobs },
        { "protected", OF_IMAGES, guard_check_protected },
        { "published", OF_IMAGES, guard_check_published },
        { "launch-template", OF_IMAGES | OF_SETS, guard_check_templates },
        { "auto-scaling", OF_IMAGES | OF_SETS, guard_check_auto_scaling },
        { "verification", OF_IMAGES, guard_check_verification },
        { "locked", OF_IMAGES | OF_SETS, guard_check_locked },
        { NULL, OF_SETS, guard_check_used },
        { "shared", OF_IMAGES | OF_SETS, guard_check_shared },
};

int guard_hold_object(StockObject *object, const char *reason)
{
        if (object->guard)
                return 0;
        if (string_replace(&object->guard, reason) < 0)
                return -ENOMEM;
        object->retain.guard = object->guard;
        return 0;
}

/* The index of the first subject that is not before `id`. */
static size_t find_subject(const Guard *guard, const char *id)
{
        size_t low = 0, high = guard->n_subjects;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(guard->subjects[middle].id, id) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

int guard_hold(const Guard *guard, const char *id, const char *format, ...)
{
        _cleanup_(freep) char *reason = NULL;
        size_t i = find_subject(guard, id);
        va_list arguments;
        int r = 0;

        if (i == guard->n_subjects || !streq(guard->subjects[i].id, id))
                return 0;
        va_start(arguments, format);
        if (vasprintf(&reason, format, arguments) < 0)
                reason = NULL;
        va_end(arguments);
        if (!reason)
                return -ENOMEM;
        for (; r >= 0 && i < guard->n_subjects && streq(guard->subjects[i].id, id); i++)
                r = guard_hold_object(guard->subjects[i].object, reason);
        return r;
}

/* A cloud that does not know the call has nothing of what it tells of. */
static bool is_unknown_call(int outcome, const ApiError *error)
{
        return outcome == EC2_E_REFUSED && streq_ptr(error->code, "InvalidAction");
}

int guard_doubt(const Guard *guard, const GuardDoubt *doubt, int outcome, const ApiError *error)
{
        _cleanup_(failure_done) Failure failure = { 0 };
        _cleanup_(freep) char *reason = NULL;
        int r = 0;

        if (is_unknown_call(outcome, error))
                return 0;
        if (outcome < 0 || outcome == EC2_E_CANCELLED)
                return bake_fail_api(guard->bake, doubt->permission, outcome, error);
        (void)failure_set_api(&failure, doubt->permission, outcome, error);
        if (failure.kind == FAILURE_ACCESS_DENIED)
                r = string_printf(&reason, "%s is not known: the permission %s is missing",
                        doubt->what, doubt->permission);
        else
                r = string_printf(&reason, "%s is not known: %s", doubt->what,
                        failure.message ? failure.message : "out of memory");
        for (size_t i = 0; r >= 0 && i < guard->n_victims; i++)
                r = guard_hold_object(guard->victims[i], reason);
        return r;
}

/* --- What is asked about ---------------------------------------------------------------------- */

static void guard_done(Guard *guard)
{
        free(guard->victims);
        free(guard->subjects);
}

static int add_subject(Guard *guard, const char *id, StockObject *object)
{
        GuardSubject *subject = ARRAY_ADD(guard->subjects, guard->n_subjects);

        if (!subject)
                return -ENOMEM;
        *subject = (GuardSubject){ id, object };
        return 0;
}

static int add_victim(Guard *guard, StockObject *object)
{
        StockObject **victim = ARRAY_ADD(guard->victims, guard->n_victims);
        int r = 0;

        if (!victim)
                return -ENOMEM;
        *victim = object;
        if (object->kind != STOCK_SNAPSHOTS)
                r = add_subject(guard, object->id, object);
        for (size_t i = 0; r >= 0 && i < object->snapshots.count; i++)
                r = add_subject(guard, object->snapshots.items[i], object);
        return r;
}

static int compare_subjects(const void *a, const void *b)
{
        const GuardSubject *x = a, *y = b;

        return strcmp(x->id, y->id);
}

/* Those of the kinds that go, as long as no earlier check has found a reason. */
static int guard_prepare(Guard *guard, Stock *stock, unsigned kinds)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < stock->count; i++) {
                StockObject *object = &stock->items[i];
                unsigned kind = object->kind == STOCK_SNAPSHOTS ? OF_SETS : OF_IMAGES;

                if ((kinds & kind) && !retain_is_kept(&object->retain) && !object->guard)
                        r = add_victim(guard, object);
        }
        if (guard->n_subjects > 0)
                qsort(guard->subjects, guard->n_subjects, sizeof(guard->subjects[0]),
                        compare_subjects);
        return r;
}

int guard_stock(Bake *bake, Stock *stock)
{
        const StringList *override = &bake->profile.retention.override;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(checks); i++) {
                _cleanup_(guard_done) Guard guard = { .bake = bake };

                if (checks[i].name && string_list_contains(override, checks[i].name))
                        continue;
                r = guard_prepare(&guard, stock, checks[i].kinds);
                if (r >= 0 && guard.n_victims > 0)
                        r = checks[i].check(&guard);
        }
        return r < 0 ? failure_set(&bake->failure, FAILURE_INTERNAL, r, "%s", strerror(-r)) : 0;
}
