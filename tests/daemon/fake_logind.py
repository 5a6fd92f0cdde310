# SPDX-License-Identifier: Apache-2.0
"""systemd-logind on a bus of one's own, as far as its delay locks go; the test speaks for it."""

import os
import select
import threading

from gi.repository import Gio, GLib

from harness import wait_until

NAME = "org.freedesktop.login1"
PATH = "/org/freedesktop/login1"
MANAGER = "org.freedesktop.login1.Manager"
IN_PROGRESS = "org.freedesktop.login1.OperationInProgress"
INTERFACE = f"""\
<node>
  <interface name="{MANAGER}">
    <method name="Inhibit">
      <arg type="s" direction="in"/><arg type="s" direction="in"/>
      <arg type="s" direction="in"/><arg type="s" direction="in"/>
      <arg type="h" direction="out"/>
    </method>
  </interface>
</node>
"""


# What names more than one is for systemd 252 a matter of the lid switch, and so denied to a service.
SUBJECTS = ("shutdown", "sleep")
DENIED = "org.freedesktop.DBus.Error.AccessDenied"


class Logind:
    """
    `refusal`: the error that Inhibit answers, for all or for those of `refused`. `silent`: it
    answers nothing.
    """

    def __init__(self, bus):
        self.bus = bus
        self.refusal = None
        self.refused = SUBJECTS
        self.silent = False
        self.asked = []
        self._locks = []
        self._context = GLib.MainContext()
        self._loop = GLib.MainLoop(self._context)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        self.bus.wait_for_name(NAME)
        return self

    def __exit__(self, *_):
        self._loop.quit()
        self._thread.join()
        for lock in self._locks:
            os.close(lock)

    def _serve(self):
        self._context.push_thread_default()
        flags = Gio.DBusConnectionFlags
        self.connection = Gio.DBusConnection.new_for_address_sync(
            self.bus.address, flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION, None, None
        )
        interface = Gio.DBusNodeInfo.new_for_xml(INTERFACE).interfaces[0]
        self.connection.register_object(PATH, interface, self._answer, None, None)
        Gio.bus_own_name_on_connection(self.connection, NAME, Gio.BusNameOwnerFlags.NONE, None, None)
        self._loop.run()
        self.connection.close_sync(None)
        self._context.pop_thread_default()

    def _answer(self, _connection, _sender, _path, _interface, _method, parameters, invocation):
        self.asked.append(parameters.unpack())
        if self.silent:
            return
        subject = parameters.unpack()[0]
        refusal = self.refusal if subject in self.refused else None
        if subject not in SUBJECTS:
            refusal = DENIED
        if refusal:
            invocation.return_dbus_error(refusal, "no")
            return
        ours, theirs = os.pipe()
        self._locks.append(ours)
        fds = Gio.UnixFDList.new_from_array([theirs])
        invocation.return_value_with_unix_fd_list(GLib.Variant("(h)", (0,)), fds)

    def held(self):
        """How many locks are held."""
        return sum(not select.select([lock], [], [], 0)[0] for lock in self._locks)

    def wait_until_held(self, count):
        wait_until(lambda: self.held() == count, f"{count} locks")

    def tell(self, signal, begins=True):
        """PrepareForShutdown or PrepareForSleep."""
        announce(self.connection, signal, begins)


def announce(connection, signal, begins, destination=None):
    """By anyone: also by a client that is not logind."""
    connection.emit_signal(destination, PATH, MANAGER, signal, GLib.Variant("(b)", (begins,)))
    connection.flush_sync(None)
