# SPDX-License-Identifier: Apache-2.0
"""systemd on a bus of one's own, as far as the end of a boot goes; the test says when that is."""

import threading

from gi.repository import Gio, GLib

NAME = "org.freedesktop.systemd1"
PATH = "/org/freedesktop/systemd1"
MANAGER = "org.freedesktop.systemd1.Manager"
INTERFACE = f"""\
<node>
  <interface name="{MANAGER}">
    <method name="Subscribe"/>
    <signal name="StartupFinished"/>
    <property name="SystemState" type="s" access="read"/>
  </interface>
</node>
"""


class Systemd:
    def __init__(self, bus, state):
        self.bus = bus
        self.state = state
        self.subscribed = threading.Event()
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

    def _serve(self):
        self._context.push_thread_default()
        flags = Gio.DBusConnectionFlags
        self.connection = Gio.DBusConnection.new_for_address_sync(
            self.bus.address, flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION, None, None)
        interface = Gio.DBusNodeInfo.new_for_xml(INTERFACE).interfaces[0]
        self.connection.register_object(PATH, interface, self._call, self._get, None)
        Gio.bus_own_name_on_connection(self.connection, NAME, Gio.BusNameOwnerFlags.NONE, None, None)
        self._loop.run()
        self.connection.close_sync(None)
        self._context.pop_thread_default()

    def _call(self, _connection, _sender, _path, _interface, _method, _parameters, invocation):
        invocation.return_value(None)
        self.subscribed.set()

    def _get(self, *_):
        return GLib.Variant("s", self.state)

    def finish(self, state):
        self.state = state
        self.connection.emit_signal(None, PATH, MANAGER, "StartupFinished",
                                    GLib.Variant("(tttttt)", (0,) * 6))
        self.connection.flush_sync(None)
