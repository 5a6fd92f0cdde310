/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * For users at a terminal: whatever polkit has to ask, for this process alone, is asked there. Ends
 * with this process. Without polkit's program for it, or a terminal, nobody can be asked, and the
 * call that needs it says so.
 */
void password_agent_start(void);
