/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/capture/trouble.h"

#include <stdarg.h>
#include <stdio.h>

int trouble_tell(Trouble *trouble, int error, const char *format, ...)
{
        va_list arguments;

        if (trouble->text[0] != '\0')
                return error;
        va_start(arguments, format);
        (void)vsnprintf(trouble->text, sizeof(trouble->text), format, arguments);
        va_end(arguments);
        return error;
}
