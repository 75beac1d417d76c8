//! Paths of files and folders. What a file holds, a key above all, cannot be written in its place.

use std::path::PathBuf;

use super::describe::{Form, Shape};
use super::read::{Read, text};
use crate::{
    problem::{At, Code, Report},
    tree::Node,
};

macro_rules! paths {
    ($( $(#[doc = $doc:literal])+ $name:ident { what: $what:literal, example: $example:literal } )+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug)]
        pub(crate) struct $name(pub(crate) PathBuf);

        impl $name {
            const FORM: Form = Form { what: $what, example: $example, pattern: "" };
        }

        impl Read for $name {
            fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
                path(node, Self::FORM, at, report).map(Self)
            }

            fn shape() -> Shape {
                Shape::Text(Self::FORM)
            }
        }
    )+};
}

paths! {
    /// Where a certificate chain stands.
    ChainPath { what: "the path of a file", example: "tls/shop.pem" }
    /// Where a private key stands.
    KeyPath { what: "the path of a file", example: "tls/shop.key" }
    /// Where the certificates of authorities stand.
    AuthoritiesPath { what: "the path of a file", example: "tls/partners.pem" }
    /// Where the keys of session tickets stand.
    TicketsPath { what: "the path of a file or folder", example: "/etc/floodgate/tickets" }
    /// Where further endpoints stand.
    EndpointsPath { what: "the path of a file", example: "/run/floodgate/shop.yaml" }
    /// Where the body of an answer stands.
    BodyPath { what: "the path of a file", example: "pages/closed.html" }
    /// Where files to serve stand.
    FolderPath { what: "the path of a folder", example: "/srv/shop" }
}

fn path(node: &Node, form: Form, at: &At, report: &mut Report) -> Option<PathBuf> {
    let Form { what, .. } = form;
    let text = text(node, at, report, what)?;
    let (message, hint) = if text.is_empty() || text.contains('\n') || text.contains("-----BEGIN") {
        (format!("expected {what}"), "write the path, not what the file holds")
    } else if text.starts_with("file:") || text.starts_with("env:") {
        (format!("expected {what}, found `{text}`"), "write the path alone")
    } else {
        return Some(text.into());
    };
    report.refuse_with_hint(Code::WrongFilePath, at, message, hint);
    None
}
