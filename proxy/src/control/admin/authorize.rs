//! Who may read and change the configuration: those who show its token (RFC 6750).

use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::answer::{Answer, error};
use crate::control::secret::Token;

/// The answer to a request that is not let in.
pub(super) fn turn_away(header: &HeaderMap, token: Option<&Token>) -> Option<Answer> {
    let Some(token) = token else {
        let hint = "this needs a token, and the configuration names none; \
                    hint: `admin: {token: \"file:PATH\"}` or `admin: {token: \"env:NAME\"}`";
        return Some(error(StatusCode::FORBIDDEN, hint));
    };
    let offered = header.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    // The scheme's name has no case (RFC 9110 section 11.1).
    let bearer = |field: &[u8]| field.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "));
    let offered = offered.filter(|field| bearer(field)).map(|field| field[7..].trim_ascii());
    let refusal = match offered {
        Some(offered) if token.is(offered) => return None,
        Some(_) => "the token is wrong",
        None => "this needs a token",
    };
    tracing::warn!("an admin request was turned away: {refusal}");
    let hint = format!("{refusal}; hint: `Authorization: Bearer TOKEN`, and `admin.token` says where the token stands");
    let mut answer = error(StatusCode::UNAUTHORIZED, &hint);
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    Some(answer)
}

#[cfg(test)]
mod tests {
    use config::model::Secret;

    use super::*;

    #[test]
    fn the_token_lets_in_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "0123456789abcdef").unwrap();
        let token = Token::read("`admin.token`", &Secret::File(file)).unwrap();
        let status = |field: Option<&'static str>, token: Option<&Token>| {
            let field = field.map(|field| (header::AUTHORIZATION, HeaderValue::from_static(field)));
            turn_away(&field.into_iter().collect(), token).map_or(200, |answer| answer.status().as_u16())
        };
        assert_eq!(status(Some("Bearer 0123456789abcdef"), Some(&token)), 200);
        assert_eq!(status(Some("bearer  0123456789abcdef"), Some(&token)), 200);
        for wrong in ["", "Bearer", "Bearer ", "Basic 0123456789abcdef", "0123456789abcdef", "Bearer 0123456789abcdeF"]
        {
            assert_eq!(status(Some(wrong), Some(&token)), 401, "{wrong}");
        }
        assert_eq!(status(None, Some(&token)), 401);
        assert_eq!(status(Some("Bearer 0123456789abcdef"), None), 403);
        assert_eq!(status(Some("Bearer "), None), 403);
    }
}
