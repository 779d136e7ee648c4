"""What kombu's Redis transport does when the broker is gone, mended."""

from __future__ import annotations

from kombu.transport import redis


class QoS(redis.QoS):
    """Puts messages that nobody has acknowledged back into their queues when a channel is closed.

    After the broker was lost Celery closes its connection twice: collect, then close, in
    `Consumer.on_connection_error_after_connected`. The first time this may fail because the broker is away still; the
    transport has let go of its connection by then, and the second time it isn't there to be asked for the broker's
    address: AttributeError, which ends the worker. Nothing is lost where nothing is put back: the sweeper sends such
    work again.
    """

    def restore_unacked_once(self, stderr: object = None) -> None:
        """Put them back, once, unless there is no connection any more."""
        transport = self.channel.connection
        if transport is not None and transport.client is not None:
            super().restore_unacked_once(stderr)  # type: ignore[no-untyped-call]


def install() -> None:
    """Have every channel of this process do so; kombu finds the transport by the URL, and takes no other class."""
    redis.Channel.QoS = QoS
