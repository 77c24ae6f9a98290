"""Every flag has a meaning."""

from bandprobe.scoring import flags
from bandprobe.scoring.flags import FLAG_MEANINGS


def test_every_flag_has_a_meaning() -> None:
    constants = {
        value for name, value in vars(flags).items() if name.isupper() and isinstance(value, str)
    }
    assert constants == set(FLAG_MEANINGS)
    assert all(FLAG_MEANINGS.values())
