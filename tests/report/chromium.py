# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium that tests drive over its DevTools protocol, with real clicks and keys."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "chrome-headless-shell")
BROWSER = next((found for name in NAMES if (found := shutil.which(name))), None)
SECONDS = 60.0
"""The longest that the browser may take for an answer."""

_FLAGS = (
    "--headless", "--remote-debugging-pipe", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-sync", "--disable-background-networking", "--disable-component-update",
    "--disable-dev-shm-usage", "--disable-extensions",
)  # fmt: skip
# The browser reads commands from descriptor 3 and writes answers to 4.
_START = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
os.dup2(ends[0], 3)
os.dup2(ends[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Tab:
    """A page of the browser. heard: the events that it sent, as method and parameters."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._rest, self._number, self._session = b"", 0, ""
        self.heard: list[tuple[str, dict[str, Any]]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        found = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = found["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setFocusEmulationEnabled", enabled=True)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """A command's result. Raises AssertionError for one that fails."""
        self._number += 1
        told: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            told["sessionId"] = self._session
        os.write(self._commands, json.dumps(told).encode() + b"\0")
        while True:
            answer = self._hear()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return dict(answer["result"])

    def _hear(self) -> dict[str, Any]:
        end = time.monotonic() + SECONDS
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._answers], [], [], max(end - time.monotonic(), 0))
            assert ready, f"no answer of the browser within {SECONDS:.0f} s"
            more = os.read(self._answers, 1 << 16)
            assert more, "the browser has ended"
            self._rest += more
        message, _, self._rest = self._rest.partition(b"\0")
        told: dict[str, Any] = json.loads(message)
        if "method" in told:
            self.heard.append((told["method"], told["params"]))
        return told

    def open(self, file: Path, width: int, scheme: str = "light", before: str = "") -> None:
        """Load a file. scheme: light or dark. before: a script that runs ahead of the page's."""
        mobile = width < 600
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900,
                  deviceScaleFactor=1, mobile=mobile)  # fmt: skip
        media = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=media)
        if before:
            self.call("Page.addScriptToEvaluateOnNewDocument", source=before)
        self.heard.clear()
        self.call("Page.navigate", url=file.as_uri())
        while not any(method == "Page.loadEventFired" for method, _ in self.heard):
            self._hear()

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, script: str) -> None:
        """Until an expression holds in the page."""
        end = time.monotonic() + SECONDS
        while not self.run(script):
            assert time.monotonic() < end, f"never so: {script}"
            time.sleep(0.02)

    def click(self, element: str) -> None:
        """With the mouse, in the middle of what an expression gives."""
        box = self.run(
            f"(() => {{ const each = {element}; each.scrollIntoView({{block: 'center'}});"
            " const box = each.getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left",
                      clickCount=1)  # fmt: skip

    def press(self, key: str, text: str = "", **more: Any) -> None:
        """A key down and up, where the focus is."""
        codes = {"Enter": 13, "Tab": 9, " ": 32, "v": 86}
        given = {"key": key, "windowsVirtualKeyCode": codes[key], "code": key, **more}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **given)
        self.call("Input.dispatchKeyEvent", type="keyUp", **given)

    def pasted(self) -> str:
        """What is on the clipboard, as a user would paste it."""
        self.run(
            "(() => { const area = document.createElement('textarea'); area.id = 'pasted';"
            " document.body.appendChild(area); area.focus(); })()"
        )
        self.press("v", modifiers=2, commands=["paste"])
        script = "(() => { const area = document.getElementById('pasted');"
        return str(self.run(f"{script} const text = area.value; area.remove(); return text; }})()"))

    @property
    def faults(self) -> list[str]:
        """What the page said to the console or threw since it was opened."""
        kinds = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [json.dumps(params) for method, params in self.heard if method in kinds]

    @property
    def requests(self) -> list[str]:
        """The addresses that were asked for since it was opened."""
        asked = (params for method, params in self.heard if method == "Network.requestWillBeSent")
        return [str(params["request"]["url"]) for params in asked]


@contextmanager
def chromium(profile: Path) -> Iterator[Tab]:
    """A tab of a browser of its own. profile: a folder for it."""
    assert BROWSER is not None
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    to_read, to_write = os.pipe(), os.pipe()
    done = subprocess.Popen(
        [sys.executable, "-c", _START, str(to_read[0]), str(to_write[1]), BROWSER, *_FLAGS,
         *sandbox, f"--user-data-dir={profile}"],
        pass_fds=(to_read[0], to_write[1]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(to_read[0])
    os.close(to_write[1])
    try:
        tab = Tab(to_read[1], to_write[0])
        yield tab
        with suppress(AssertionError, OSError):
            tab.call("Page.close")
    finally:
        os.close(to_read[1])  # the browser ends with it
        try:
            done.wait(20)
        except subprocess.TimeoutExpired:
            done.kill()
            done.wait()
        os.close(to_write[0])
