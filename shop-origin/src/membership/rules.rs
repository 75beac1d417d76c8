//! What a name, an address and a password may be.

/// As NIST SP 800-63B asks of a password that is the only factor, 15; of one in a shop, at least 8.
pub(crate) const PASSWORD_CHARS_MIN: u32 = 8;
/// Hashing takes time with length; a passphrase is shorter than this.
const PASSWORD_BYTES_MAX: usize = 256;
const NAME_CHARS_MAX: usize = 80;
/// RFC 5321 section 4.5.3.1.3, less the angle brackets.
const EMAIL_BYTES_MAX: usize = 254;

/// An address that a message could be sent to, in lower case: two spellings are one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Email(String);

impl Email {
    /// Something before and after the `@`, and a dot in what is after it: everything else only sending would show.
    pub(crate) fn parse(text: &str) -> Option<Email> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@')?;
        let plain = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control());
        let dotted = domain.split('.').count() >= 2 && domain.split('.').all(|label| !label.is_empty());
        let good = text.len() <= EMAIL_BYTES_MAX && plain(local) && !local.contains('@') && plain(domain) && dotted;
        good.then(|| Email(text.to_lowercase()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What somebody registers with, checked.
#[derive(Debug)]
pub(crate) struct Registration {
    pub(crate) name: String,
    pub(crate) email: Email,
    pub(crate) password: String,
}

impl Registration {
    /// All problems at once, each with the name of its field.
    pub(crate) fn parse(name: &str, email: &str, password: &str) -> Result<Registration, Vec<(&'static str, String)>> {
        let mut problems = Vec::new();
        let name = name.trim();
        if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.contains(char::is_control) {
            problems.push(("name", format!("Enter a name of up to {NAME_CHARS_MAX} characters")));
        }
        let email = Email::parse(email);
        if email.is_none() {
            problems.push(("email", "Enter an email address such as ada@example.com".to_owned()));
        }
        if password.chars().count() < PASSWORD_CHARS_MIN as usize {
            problems.push(("password", format!("Choose a password of at least {PASSWORD_CHARS_MIN} characters")));
        } else if password.len() > PASSWORD_BYTES_MAX {
            problems.push(("password", format!("Choose a password of up to {PASSWORD_BYTES_MAX} bytes")));
        }
        match email {
            Some(email) if problems.is_empty() => {
                Ok(Registration { name: name.to_owned(), email, password: password.to_owned() })
            }
            _ => Err(problems),
        }
    }
}

/// Whether a password could be anybody's; longer ones are not worth hashing.
pub(crate) fn could_be_password(text: &str) -> bool {
    text.len() <= PASSWORD_BYTES_MAX
}

/// Where to go on after a login: a path of this shop, or the first page. Anything that a browser could take for another
/// site (`//host`, `/\host`, a scheme) is not a path.
pub(crate) fn local_path(next: &str) -> &str {
    let inner = next.strip_prefix('/').filter(|rest| !rest.starts_with(['/', '\\']));
    let harmless = inner.is_some_and(|rest| rest.bytes().all(|c| c.is_ascii_graphic() && c != b'\\'));
    if harmless { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_folded_and_must_be_one() {
        assert_eq!(Email::parse(" Ada@Example.COM ").unwrap().as_str(), "ada@example.com");
        for foreign in ["", "@", "ada", "ada@", "@example.com", "ada@example", "a b@example.com", "a@b@c.d", "a@b..c"] {
            assert_eq!(Email::parse(foreign), None, "{foreign}");
        }
        assert_eq!(Email::parse(&format!("{}@example.com", "a".repeat(243))), None);
    }

    #[test]
    fn each_bad_field_of_a_registration_is_named() {
        let problems = |name, email, password: &str| -> Vec<&str> {
            Registration::parse(name, email, password)
                .err()
                .unwrap_or_default()
                .iter()
                .map(|(field, _)| *field)
                .collect()
        };
        assert!(problems("Ada", "ada@example.com", "12345678").is_empty());
        assert_eq!(problems("", "", ""), ["name", "email", "password"]);
        assert_eq!(problems("Ada", "ada@example.com", "1234567"), ["password"]);
        assert_eq!(problems("Ada", "ada@example.com", &"1".repeat(257)), ["password"]);
        assert_eq!(problems("A\nda", "ada@example.com", "12345678"), ["name"]);
    }

    #[test]
    fn next_never_leads_to_another_site() {
        assert_eq!(local_path("/checkout?a=b"), "/checkout?a=b");
        for foreign in ["", "checkout", "//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nb", "/a\\b"]
        {
            assert_eq!(local_path(foreign), "/", "{foreign}");
        }
    }
}
