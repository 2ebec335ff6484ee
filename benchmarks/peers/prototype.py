"""The prototype that the server is measured against: one key, one bearer token, nothing stored."""

from __future__ import annotations

import hmac
import os

import pyotp
from flask import Flask, Response, jsonify, request

app = Flask(__name__)
totp = pyotp.TOTP(os.environ["TOTP_BASE32_SECRET"])
bearer = f"Bearer {os.environ['BEARER']}"


@app.get("/check/<code>")
def check(code: str) -> Response | tuple[Response, int]:
    """Tell whether `code` is good now, one step either side, however often it was used before."""
    if not hmac.compare_digest(request.headers.get("Authorization", ""), bearer):
        return jsonify(error="unauthorized"), 401
    return jsonify(status=totp.verify(code, valid_window=1))
