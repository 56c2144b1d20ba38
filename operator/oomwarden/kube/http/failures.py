"""What can go wrong on the way to the API server, whichever transport is used."""


class ConfigError(Exception):
    """No API server is configured, or the credentials cannot be read."""


class TransportError(Exception):
    """An error on the way to the API server: there is no response, or only a part of one."""


class ConnectError(TransportError):
    """There is no connection: refused, not found, not trusted, or not within the time."""


class ConnectionLostError(TransportError):
    """The connection ended before the response did."""


class ProtocolError(TransportError):
    """What arrived is not a response in HTTP, or not one of the API server."""


class TimedOutError(TransportError):
    """A request could not be sent in time."""


class ReadTimeoutError(TimedOutError):
    """Nothing arrived for too long."""
