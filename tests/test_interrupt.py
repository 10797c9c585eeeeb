import signal
import threading

import pytest

from landscape.interrupt import Terminated, deferred_stop, terminate


def test_the_first_ctrl_c_waits_and_the_second_does_not(ctrl_c):
    with deferred_stop() as asked:
        assert not asked()
        ctrl_c()
        assert asked() is KeyboardInterrupt
        with pytest.raises(KeyboardInterrupt):
            ctrl_c()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_handler_is_put_back_after_an_error(ctrl_c):
    with pytest.raises(ZeroDivisionError), deferred_stop():
        raise ZeroDivisionError
    with pytest.raises(KeyboardInterrupt):
        ctrl_c()


def test_an_ignored_ctrl_c_stays_ignored(ctrl_c):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with deferred_stop() as asked:
        ctrl_c()
        assert not asked()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_another_thread_changes_nothing(ctrl_c):
    answers = []

    def work():
        with deferred_stop() as asked:
            answers.append((asked(), signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert answers == [(None, signal.default_int_handler)]


@pytest.mark.parametrize("usual", [signal.SIG_DFL, terminate])
def test_a_first_sigterm_waits_too_and_says_what_it_was(usual):
    before = signal.signal(signal.SIGTERM, usual)
    try:
        with deferred_stop() as asked:
            signal.raise_signal(signal.SIGTERM)
            assert asked() is Terminated
            assert signal.getsignal(signal.SIGTERM) is usual
        assert signal.getsignal(signal.SIGTERM) is usual
    finally:
        signal.signal(signal.SIGTERM, before)


def test_unwinding_at_sigterm():
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        with pytest.raises(Terminated):
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
