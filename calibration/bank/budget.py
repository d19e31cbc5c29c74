"""How large the bank may become, and how many patch tokens each reference may then keep.

One budget holds for all looks or stages together, and every reference gets an equal share of it, within which
`keep_farthest` chooses. Image AUROC on held-out pictures of the whole-picture look alone, all normal pictures of a set
as references (lite at 320 px), for an equal share each, for PatchCore's coreset across all references, for tokens drawn
at random and for so many whole references, of one size:

    set (references, full bank)        bank    equal share  across  random  fewer references
    magnetic_tile (150, 113 MB: .905)  16 MB   .900         .900    .866    .856
                                        4 MB   .894         .893    .854    .877
                                        1 MB   .842         .874    .860    .858
    circuitboard (30, 23 MB: .798)      8 MB   .802         .793    .778    .739
                                        1 MB   .808         .803    .734    .678
    cookie (31, 23 MB: 1.0)             1 MB   .989         1.0     .941    .768

So a coreset across references is better only where three tokens or so are left to each; it would also let references
keep unequally many, so that leaving one out would no longer leave all of it out. Hence LEAST_TOKENS.
"""

import re
from collections.abc import Mapping

from edge.errors import EdgeError

LEAST_TOKENS = 8
"""A look or stage keeps at least so many tokens of each reference, or the budget is refused."""

UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}
HEADER_BYTES = 4096
"""What a bundle's files of arrays may need beside the arrays themselves."""

FLOAT_BYTES = 4


def parse_budget(text: str) -> int:
    """`512kB`, `64MB` or `1.5GB` (powers of ten) -> bytes. Raises EdgeError for anything else."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*(B|kB|MB|GB)", text.strip().replace("KB", "kB"))
    if not match or float(match[1]) == 0:
        raise EdgeError(f"--bank-budget {text!r} is no size. Write for example 512kB, 64MB or 1GB.")
    return round(float(match[1]) * UNITS[match[2]])


def size_text(size_bytes: float) -> str:
    """Bytes for a person: 1.9 MB."""
    unit = next((unit for unit in ("GB", "MB", "kB") if size_bytes >= UNITS[unit]), "B")
    return f"{size_bytes / UNITS[unit]:.3g} {unit}"


def bank_bytes(tokens: Mapping[str, tuple[int, int]], *, references: int) -> int:
    """Size of a bank; tokens: by look or stage, (how many of each reference, channels)."""
    return references * FLOAT_BYTES * sum(count * channels for count, channels in tokens.values())


def share(tokens: Mapping[str, tuple[int, int]], *, references: int, budget_bytes: int | None) -> dict[str, int]:
    """How many tokens each reference may keep, by look or stage: as many as it has without a budget.

    tokens: by look or stage, (how many one reference has, channels)
    All looks or stages are cut to the same fraction. Raises EdgeError, with a budget that would do, if fewer than
    LEAST_TOKENS would be left.
    """
    full = bank_bytes(tokens, references=references)
    if budget_bytes is None or full <= budget_bytes - HEADER_BYTES:
        return {name: count for name, (count, _) in tokens.items()}
    fraction = (budget_bytes - HEADER_BYTES) / full
    kept = {name: int(count * fraction) for name, (count, _) in tokens.items()}
    scarce = [name for name, (count, _) in tokens.items() if kept[name] < min(LEAST_TOKENS, count)]
    if scarce:
        needed = HEADER_BYTES + full * max(min(LEAST_TOKENS, count) / count for count, _ in tokens.values())
        raise EdgeError(
            f"--bank-budget {size_text(budget_bytes)} leaves {kept[scarce[0]]} patch tokens to each of {references} "
            f"references, and fewer than {LEAST_TOKENS} miss too much. Give {size_text(1.01 * needed)} or more, or "
            "fewer references."
        )
    return kept
