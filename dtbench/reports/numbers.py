"""How numbers and words from files are written for people: rounded once, the same in every format."""

from __future__ import annotations

DASH = "–"
MINUS = "−"
ZERO = 1e-9  # a ratio nearer to 0 is 0
LONGEST = 300
DIGITS = 3


def format_ratio(ratio: float, digits: int = DIGITS) -> str:
    """A ratio as percent without the sign ``%``, about ``digits`` digits; ``0.000`` only for zero (within 1e-9).

    >>> [format_ratio(x) for x in (0.0, 2e-6, 0.00123, 0.0123, 0.123, 1.234, -0.0123)]
    ['0.000', '<0.001', '0.123', '1.23', '12.3', '123', '−1.23']
    >>> [format_ratio(x, 2) for x in (0.0, 2e-6, 0.00123, 0.0123, 0.123, 1.234, -0.0123)]
    ['0.00', '<0.01', '0.12', '1.2', '12', '123', '−1.2']
    """
    percent, least = 100 * abs(ratio), 10.0**-digits
    if abs(ratio) <= ZERO:
        return f"{0:.{digits}f}"
    if percent < least:
        return f"<{least:.{digits}f}" if ratio > 0 else f">{MINUS}{least:.{digits}f}"
    decimals = max(digits - (percent >= 1) - (percent >= 10) - (percent >= 100), 0)
    return (MINUS if ratio < 0 else "") + f"{percent:.{decimals}f}"


def format_share(share: float) -> str:
    """A share in [0, 1] as percent without the sign; 0 and 100 only where it is none or all.

    >>> [format_share(x) for x in (0.0, 0.0001, 0.125, 0.9999, 1.0)]
    ['0', '<0.1', '12.5', '>99.9', '100']
    """
    percent = 100 * share
    if share in (0.0, 1.0):
        return f"{percent:.0f}"
    return "<0.1" if percent < 0.1 else ">99.9" if percent > 99.9 else f"{percent:.1f}"


def format_seconds(seconds: float, digits: int = DIGITS) -> str:
    """Seconds with so many digits and an SI prefix.

    >>> [format_seconds(x) for x in (0.0, 2.5e-9, 1.2345e-5, 0.0009996, 0.02, 1.0, 1234.0)]
    ['0 s', '2.50 ns', '12.3 µs', '1.00 ms', '20.0 ms', '1.00 s', '1234 s']
    """
    if seconds <= 0:
        return "0 s"
    rounded = float(f"{seconds:.{digits}g}")
    scale, prefix = next(((s, p) for s, p in ((1, ""), (1e-3, "m"), (1e-6, "µ")) if rounded >= s), (1e-9, "n"))
    value = seconds / scale
    text = f"{value:.0f}" if rounded / scale >= 10 ** (digits - 1) else f"{value:#.{digits}g}"
    return f"{text} {prefix}s"


def format_number(value: float, digits: int) -> str:
    """A number with so many digits and a proper minus sign.

    >>> [format_number(x, 4) for x in (-12.3, 0.001234567, 1234.0, 1234567.0)]
    ['−12.30', '0.001235', '1234', '1.235e+06']
    """
    return f"{value:#.{digits}g}".removesuffix(".").replace("-", MINUS)


def format_decimal(value: float, decimals: int) -> str:
    """A number with so many decimals and a proper minus sign."""
    return f"{value:.{decimals}f}".replace("-", MINUS)


def format_count(count: float) -> str:
    """A large count in short, of two to three digits.

    >>> [format_count(x) for x in (640, 9_960, 50_000, 128_000, 999_700, 1_310_720, 25_000_000)]
    ['640', '10k', '50k', '128k', '1M', '1.3M', '25M']
    """
    for scale, letter in ((1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G")):
        value = count / scale
        text = f"{value:.0f}" if value >= 9.95 or not letter else f"{value:.1f}".removesuffix(".0")
        if float(text) < 1000 or letter == "G":
            break
    return text + letter


def format_bytes(size: int) -> str:
    """Bytes with a binary prefix.

    >>> [format_bytes(x) for x in (512, 8 * 2**30, 3 * 2**29)]
    ['512 B', '8 GiB', '1.5 GiB']
    """
    prefix, scale = next(((p, 2**e) for p, e in (("Gi", 30), ("Mi", 20), ("Ki", 10)) if size >= 2**e), ("", 1))
    return f"{size / scale:.4g} {prefix}B"


def one_line(text: str) -> str:
    """Words from a file as one printable line: no control or direction characters, at most 300 characters.

    >>> one_line("a \\x1b[31mred\\n  line")
    'a [31mred line'
    """
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"
