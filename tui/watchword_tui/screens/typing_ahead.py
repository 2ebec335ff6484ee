"""Keys that act before the field in focus sees them.

A field's own binding is looked up when the field gets round to it; letters typed meanwhile go to the old
field. A password manager, or a slow line that delivers many keys at once, types that fast.
"""

from __future__ import annotations

from textual.binding import Binding

TAB_AT_ONCE = (
    Binding("tab", "app.focus_next", show=False, priority=True),
    Binding("shift+tab", "app.focus_previous", show=False, priority=True),
)
"""For the bindings of every screen with more than one field."""
