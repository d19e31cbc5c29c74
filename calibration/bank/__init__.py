"""The memory bank's size: coresets and budgets."""
