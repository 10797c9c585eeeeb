import pytest
from jaxtyping import config


@pytest.fixture
def unchecked_shapes():
    """A user's program has no run-time shape checks; the package must refuse by itself."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)
