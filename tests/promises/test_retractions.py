"""The law of taking back: an event whose id was taken back never was, whichever came first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from learnfold.settings import Settings
from promises.retractions import check_any_order


@given(data=st.data())
def test_any_order_of_events_and_words_gives_the_rows_of_what_remains(data: st.DataObject) -> None:
    """In any split over files, with runs anywhere between: every view is that of the events that remain, and all are counted."""
    check_any_order(data, Settings())
