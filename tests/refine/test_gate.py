import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tamperscope.refine._gate import gate

MAPS = arrays(np.float32, (4, 6), elements=st.floats(0, 1, width=32))


@given(MAPS, MAPS)
def test_it_never_adds_heat(heatmap: np.ndarray, labels: np.ndarray) -> None:
    gated = gate(heatmap, labels)
    assert (gated <= heatmap).all()
    assert (gated[labels == 0] == 0).all()
    assert np.array_equal(gated[labels == 1], heatmap[labels == 1])
