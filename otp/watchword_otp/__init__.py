"""What the authenticator and the validator agree on: keys, codes, URIs, QR codes, safe labels.

Pure: no I/O, no clock, no state. `watchword_otp.qr` is imported on its own, for it brings segno.
"""

from watchword_otp.code import Codes, code_at, is_well_formed, matching_step, seconds_left, step_at
from watchword_otp.key import Algorithm, InvalidKeyError, Key, Kind, Secret
from watchword_otp.text import clean_label, strip_controls
from watchword_otp.uri import ReadUri, UriError, format_uri, parse_uri, read_uri

__all__ = [
    "Algorithm",
    "Codes",
    "InvalidKeyError",
    "Key",
    "Kind",
    "ReadUri",
    "Secret",
    "UriError",
    "clean_label",
    "code_at",
    "format_uri",
    "is_well_formed",
    "matching_step",
    "parse_uri",
    "read_uri",
    "seconds_left",
    "step_at",
    "strip_controls",
]
