//! Where a parcel goes.

use serde::{Deserialize, Serialize};

/// A delivery address whose fields have been checked, by [`Address::parse`] alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) recipient: String,
    pub(crate) phone: String,
    pub(crate) region: String,
    pub(crate) city: String,
    pub(crate) street: String,
    pub(crate) postcode: String,
}

/// A field that cannot be what it should be: its name in the form, and what to do.
pub(crate) type Problem = (&'static str, &'static str);

impl Address {
    /// Takes each field by its name, with spaces around it removed; all problems at once.
    pub(crate) fn parse<'a>(field: impl Fn(&'static str) -> Option<&'a str>) -> Result<Address, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut text = |name, length_max: usize, message| {
            let value = field(name).unwrap_or_default().trim();
            let good = !value.is_empty() && value.chars().count() <= length_max && !value.chars().any(char::is_control);
            if !good {
                problems.push((name, message));
            }
            value.to_owned()
        };
        let recipient = text("recipient", 80, "Enter the name of the person who receives the parcel");
        let mut phone = text("phone", 25, "Enter a phone number for the courier");
        let region = text("region", 80, "Enter the province or municipality");
        let city = text("city", 80, "Enter the city or district");
        let street = text("street", 160, "Enter the street and house number");
        let postcode = text("postcode", 12, "Enter the postcode");
        phone.retain(|c| !matches!(c, ' ' | '-' | '(' | ')' | '/'));
        if !problems.iter().any(|(name, _)| *name == "phone") && !is_phone_number(&phone) {
            problems.push(("phone", "Enter a phone number of 6 to 15 digits"));
        }
        if !problems.iter().any(|(name, _)| *name == "postcode") && !is_postcode(&postcode) {
            problems.push(("postcode", "Enter a postcode of 3 to 10 letters and digits"));
        }
        match problems.is_empty() {
            true => Ok(Address { recipient, phone, region, city, street, postcode }),
            false => Err(problems),
        }
    }

    /// As it stands on the parcel.
    pub(crate) fn label(&self) -> Vec<String> {
        let Address { recipient, phone, region, city, street, postcode } = self;
        vec![recipient.clone(), street.clone(), format!("{postcode} {city}"), region.clone(), phone.clone()]
    }
}

/// At most 15 digits (ITU-T E.164), perhaps after a plus sign.
fn is_phone_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (6..=15).contains(&digits.len()) && digits.bytes().all(|c| c.is_ascii_digit())
}

fn is_postcode(text: &str) -> bool {
    (3..=10).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b' ' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(change: (&'static str, &'static str)) -> Result<Address, Vec<Problem>> {
        let fields = [
            ("recipient", " Ada Park "),
            ("phone", "+86 138-0013-8000"),
            ("region", "Shanghai"),
            ("city", "Pudong"),
            ("street", "88 Century Avenue"),
            ("postcode", "200120"),
        ];
        Address::parse(|name| {
            if name == change.0 {
                Some(change.1)
            } else {
                fields.iter().find(|(known, _)| *known == name).map(|(_, v)| *v)
            }
        })
    }

    #[test]
    fn a_good_address_is_tidied() {
        let address = parse(("", "")).unwrap();
        assert_eq!(address.recipient, "Ada Park");
        assert_eq!(address.phone, "+8613800138000");
        assert_eq!(address.label()[2], "200120 Pudong");
    }

    #[test]
    fn each_bad_field_is_named() {
        for change in [
            ("recipient", ""),
            ("recipient", "a\u{0}b"),
            ("phone", "12345"),
            ("phone", "call me"),
            ("postcode", "!"),
            ("street", "   "),
        ] {
            let problems = parse(change).unwrap_err();
            assert_eq!(problems.iter().map(|(name, _)| *name).collect::<Vec<_>>(), [change.0], "{change:?}");
        }
        assert_eq!(Address::parse(|_| None).unwrap_err().len(), 6);
    }
}
