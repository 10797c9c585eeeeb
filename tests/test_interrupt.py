import signal
import threading

import pytest

from landscape.interrupt import deferred_interrupt


def test_the_first_ctrl_c_waits_and_the_second_does_not(ctrl_c):
    with deferred_interrupt() as interrupted:
        assert not interrupted()
        ctrl_c()
        assert interrupted()
        with pytest.raises(KeyboardInterrupt):
            ctrl_c()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_handler_is_put_back_after_an_error(ctrl_c):
    with pytest.raises(ZeroDivisionError), deferred_interrupt():
        raise ZeroDivisionError
    with pytest.raises(KeyboardInterrupt):
        ctrl_c()


def test_an_ignored_ctrl_c_stays_ignored(ctrl_c):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with deferred_interrupt() as interrupted:
        ctrl_c()
        assert not interrupted()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_another_thread_changes_nothing(ctrl_c):
    answers = []

    def work():
        with deferred_interrupt() as interrupted:
            answers.append((interrupted(), signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert answers == [(False, signal.default_int_handler)]
