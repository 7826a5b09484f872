//! Answers that a service, or the proxy before it, gives instead of its own.

use axum::response::Response;
use http::StatusCode;
use serde_json::json;

use super::Fault;
use crate::services::wire::{self, with_header};

/// The answer of a fault by which nothing was done; `None` for those that are no such answer.
pub(super) fn instead(fault: Fault, service: &str, luck: u64) -> Option<Response> {
    Some(match fault {
        Fault::Limited => {
            let seconds = 5 + luck % 116;
            with_header(limited(service), "retry-after", &seconds.to_string())
        }
        Fault::LimitedSilently => limited(service),
        Fault::InternalError => page(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
        Fault::BadGateway => page(StatusCode::BAD_GATEWAY, "502 Bad Gateway"),
        Fault::Unavailable => page(StatusCode::SERVICE_UNAVAILABLE, "503 Service Temporarily Unavailable"),
        Fault::Expired => expired(service),
        Fault::Conflict => wire::json(
            StatusCode::CONFLICT,
            &json!({"message": "is at another version but expected the one sent", "status": "409"}),
        ),
        _ => return None,
    })
}

/// What a portal or a proxy's notice looks like to a client that expects data.
pub(super) fn another_page() -> Response {
    wire::html(
        StatusCode::OK,
        "<!DOCTYPE html>\n<html><head><title>Notice</title></head><body><h1>Scheduled maintenance</h1></body></html>\n",
    )
}

fn page(status: StatusCode, title: &str) -> Response {
    let body = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    );
    wire::html(status, body)
}

fn limited(service: &str) -> Response {
    let body = match service {
        "slack" => json!({"ok": false, "error": "ratelimited"}),
        "sheets" => {
            json!({"error": {"code": 429, "message": "Quota exceeded.", "status": "RESOURCE_EXHAUSTED"}})
        }
        _ => json!({"message": "Too many requests"}),
    };
    wire::json(StatusCode::TOO_MANY_REQUESTS, &body)
}

/// Each service has its own way of refusing a credential that has run out.
fn expired(service: &str) -> Response {
    let refused = StatusCode::UNAUTHORIZED;
    match service {
        // Slack refuses with 200.
        "slack" => wire::ok(&json!({"ok": false, "error": "token_expired"})),
        "github" => wire::json(refused, &json!({"message": "Bad credentials", "status": "401"})),
        "gitlab" => wire::json(
            refused,
            &json!({"error": "invalid_token", "error_description": "Token is expired. You can either do re-authorization or token refresh."}),
        ),
        "sheets" => wire::json(
            refused,
            &json!({"error": {"code": 401, "message": "Request had invalid authentication credentials.", "status": "UNAUTHENTICATED"}}),
        ),
        "google_token" => wire::json(
            StatusCode::BAD_REQUEST,
            &json!({"error": "invalid_grant", "error_description": "Token has been expired or revoked."}),
        ),
        "errata" => with_header(page(refused, "401 Unauthorized"), "www-authenticate", "Negotiate"),
        "jenkins" => {
            with_header(page(refused, "401 Unauthorized"), "www-authenticate", "Basic realm=\"Jenkins\"")
        }
        _ => wire::text(refused, "Unauthorized\n"),
    }
}
