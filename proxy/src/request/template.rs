//! Text with places that the request fills in: where a redirect leads, what the origin is asked for.

use config::model::{self, PathPattern, Segment, TemplatePart};

/// A template for the paths of one pattern, in which every place is known by its position.
#[derive(Debug)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug)]
enum Part {
    Text(String),
    /// The segment at this position.
    Segment(usize),
    /// Everything from the segment at this position.
    Rest(usize),
    Host,
}

impl Template {
    /// Finds the places of a template in a pattern, which has them all.
    pub(crate) fn new(model: &model::Template, pattern: &PathPattern) -> Self {
        let position = |is: &dyn Fn(&Segment) -> bool| {
            pattern.segments.iter().position(is).expect("the configuration checks that each path has the place")
        };
        let part = |part: &TemplatePart| match part {
            TemplatePart::Text(text) => Part::Text(text.clone()),
            TemplatePart::Parameter(name) => {
                Part::Segment(position(&|segment| matches!(segment, Segment::Parameter(own) if own == name)))
            }
            TemplatePart::Rest => Part::Rest(position(&|segment| *segment == Segment::Rest)),
            TemplatePart::Host => Part::Host,
        };
        Self(model.parts.iter().map(part).collect())
    }

    /// The text for a path that the pattern matched, in its one spelling.
    pub(crate) fn fill(&self, path: &str, host: &str) -> String {
        self.0.iter().fold(String::with_capacity(path.len() + 16), |text, part| {
            text + match part {
                Part::Text(text) => text,
                Part::Segment(at) => segments(path).nth(*at).unwrap_or_default(),
                Part::Rest(at) => rest(path, *at),
                Part::Host => host,
            }
        })
    }
}

/// What stands between the slashes after the first.
fn segments(path: &str) -> std::str::Split<'_, char> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

/// What `**` at a position took of a path, without its first slash.
pub(crate) fn rest(path: &str, at: usize) -> &str {
    path.strip_prefix('/').unwrap_or(path).splitn(at + 1, '/').nth(at).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(segments: Vec<Segment>) -> PathPattern {
        PathPattern { raw: String::new(), segments }
    }

    #[test]
    fn places_are_filled_by_position() {
        let (text, name) = (|text: &str| TemplatePart::Text(text.to_owned()), |name: &str| name.to_owned());
        let pattern = pattern(vec![
            Segment::Literal(name("shop")),
            Segment::Parameter(name("id")),
            Segment::Parameter(name("colour")),
            Segment::Rest,
        ]);
        let parts = vec![
            text("https://"),
            TemplatePart::Host,
            text("/"),
            TemplatePart::Parameter(name("colour")),
            text("-"),
            TemplatePart::Parameter(name("id")),
            text("/"),
            TemplatePart::Rest,
        ];
        let template = Template::new(&model::Template { raw: String::new(), parts }, &pattern);
        for (path, filled) in [
            ("/shop/7/red", "https://h/red-7/"),
            ("/shop/7/red/", "https://h/red-7/"),
            ("/shop/7/red/a/b%2Fc/", "https://h/red-7/a/b%2Fc/"),
            ("/shop/7/red//a", "https://h/red-7//a"),
        ] {
            assert_eq!(template.fill(path, "h"), filled, "{path}");
        }
    }
}
