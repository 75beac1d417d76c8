//! Pages for what went wrong.

use askama::Template;

use super::Frame;

/// Any answer of 400 and above that a person may read.
#[derive(Template)]
#[template(path = "error.html")]
pub(crate) struct ErrorPage {
    pub(crate) frame: Frame,
    pub(crate) status: u16,
    pub(crate) heading: String,
    /// What happened and what to do now, in a sentence or two.
    pub(crate) message: String,
    /// To quote to the shop; empty when there is none.
    pub(crate) request_id: String,
}

impl ErrorPage {
    /// Nothing is at this address.
    pub(crate) fn not_found(frame: Frame) -> ErrorPage {
        let heading = "There is nothing at this address";
        let message = "The page may have moved, or the product is no longer sold. A search usually finds it.";
        ErrorPage::new(frame, 404, heading, message)
    }

    /// The shop failed, not the visitor.
    pub(crate) fn fault(frame: Frame, request_id: &str) -> ErrorPage {
        let heading = "Something broke on our side";
        let message = "Please try again in a moment. If you were placing an order, look into your account first: \
                       it may already be there.";
        ErrorPage { request_id: request_id.to_owned(), ..ErrorPage::new(frame, 500, heading, message) }
    }

    /// The request cannot be met; `message` says why and what would help.
    pub(crate) fn refused(frame: Frame, status: u16, message: &str) -> ErrorPage {
        let heading = match status {
            403 => "This is not open to you",
            405 => "That cannot be done here",
            413 => "That was more than we can take",
            429 => "One moment, please",
            _ => "That did not work",
        };
        ErrorPage::new(frame, status, heading, message)
    }

    fn new(mut frame: Frame, status: u16, heading: &str, message: &str) -> ErrorPage {
        frame.title = heading.to_owned();
        ErrorPage { frame, status, heading: heading.to_owned(), message: message.to_owned(), request_id: String::new() }
    }
}
