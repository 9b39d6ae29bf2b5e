"""The faulty server's words when it refuses: OpenAI's, and those of other servers for the same thing."""

from __future__ import annotations

from typing import Any

STATUS_FAULTS: dict[str, tuple[int, str, str, str]] = {  # fault: status, message, type, code
    "429": (429, "Rate limit reached for requests. Please slow down.", "requests", "rate_limit_exceeded"),
    "429-after": (429, "Rate limit reached for tokens. Please slow down.", "tokens", "rate_limit_exceeded"),
    "429-quota": (
        429,
        "You exceeded your current quota, please check your plan and billing details.",
        "insufficient_quota",
        "insufficient_quota",
    ),
    "500": (500, "The server had an error while processing your request.", "server_error", ""),
    "502": (502, "Bad gateway.", "server_error", ""),
    "503": (503, "The engine is currently overloaded, please try again later.", "server_error", ""),
    "503-after": (503, "Loading model", "unavailable_error", ""),
    "403": (403, "Country, region, or territory not supported", "request_forbidden", "unsupported_country"),
    "400": (400, "Invalid 'messages': empty array.", "invalid_request_error", "empty_array"),
    "context": (
        400,
        "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens "
        "(5928 in the messages, 3072 in the completion). Please reduce the length of the messages.",
        "invalid_request_error",
        "context_length_exceeded",
    ),
}


def openai_error(message: str, kind: str, code: str, param: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": param, "code": code or None}}


def refusal(style: str, name: str, value: object) -> tuple[int, dict[str, Any]]:
    """Status and body with which a server of that style refuses the parameter `name`."""
    match style:
        case "vllm":
            message = (
                f"[{{'type': 'extra_forbidden', 'loc': ('body', '{name}'), "
                "'msg': 'Extra inputs are not permitted'}]"
            )
            return 400, {"object": "error", "message": message, "type": "BadRequestError", "code": 400}
        case "pydantic":
            detail = [
                {"loc": ["body", name], "msg": "extra fields not permitted", "type": "value_error.extra"}
            ]
            return 422, {"detail": detail}
        case "llamacpp":
            return 400, {"error": {"code": 400, "message": f"unrecognized arguments: {name}"}}
        case _:
            pass
    code, message = (
        "unsupported_parameter",
        f"Unsupported parameter: '{name}' is not supported with this model.",
    )
    if name == "max_tokens":
        message += " Use 'max_completion_tokens' instead."
    elif name in ("temperature", "top_p"):
        code = "unsupported_value"
        message = (
            f"Unsupported value: '{name}' does not support {value} with this model. "
            "Only the default (1) value is supported."
        )
    return 400, openai_error(message, "invalid_request_error", code, name)
