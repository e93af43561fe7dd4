//! What templates become.

use super::{Error, Failure, Problem, Segment, Style, Template, Translation, translate};

const FRAGMENTS: &[(&str, &str)] = &[
    ("head", "<b>\n<% x = 1 %></b>\n"),
    ("loop", "<%\nfor i in y:\n%>"),
    ("self", "<%@ include file=\"again\"%>"),
    ("again", "<%@ include file=\"self\"%>"),
];

fn template(name: &str, source: &[u8]) -> Template {
    Template { name: name.into(), source: source.into() }
}

fn open(name: &str) -> Result<Template, String> {
    let found = FRAGMENTS.iter().find(|(known, _)| *known == name);
    found.map(|(name, text)| template(name, text.as_bytes())).ok_or_else(|| name.to_owned())
}

fn tried(page: impl AsRef<[u8]>, style: Style) -> Result<Translation, Failure<String>> {
    translate(&template("page", page.as_ref()), style, &mut open)
}

fn source(page: &str) -> String {
    tried(page, Style::DOCUMENTED).expect("a good template").source
}

fn problem(page: impl AsRef<[u8]>) -> (usize, Problem) {
    match tried(page, Style::DOCUMENTED).expect_err("a broken template") {
        Failure::Template(Error { line, problem, .. }) => (line, problem),
        Failure::Fragment(name) => panic!("{name} cannot be read"),
    }
}

#[test]
fn the_documented_shape() {
    assert_eq!(source(""), "");
    assert_eq!(source("a"), "req.write(\"\"\"a\"\"\",0)\n");
    let expected = "req.write(\"\"\"a\"\"\",0); req.write(str(x),0); req.write(\"\"\"b\"\"\",0)\n";
    assert_eq!(source("a<%=x%>b"), expected);
    let expected = "req.write(\"\"\"\"\"\",0);\nfor i in y:\n\treq.write(\"\"\"\nrow\n\"\"\",0);\n# end\nreq.write(\"\"\"\n\"\"\",0)\n";
    assert_eq!(source("<%\nfor i in y:\n%>\nrow\n<%\n# end\n%>\n"), expected);
}

#[test]
fn text_is_literal() {
    assert_eq!(source("\"\\n\\x\r\n\r\0"), "req.write(\"\"\"\\\"\\\\n\\\\x\n\n\\x00\"\"\",0)\n");
    assert_eq!(source("\u{feff}a %> < %"), "req.write(\"\"\"a %> < %\"\"\",0)\n");
    assert_eq!(source("\u{feff}"), "");
}

#[test]
fn comments_keep_the_count_of_lines() {
    assert_eq!(source("a<%-- %> --%>b"), "req.write(\"\"\"ab\"\"\",0)\n");
    assert_eq!(source("a<%--\n\n--%>b"), "req.write(\"\"\"a\"\"\"\n\n\"\"\"b\"\"\",0)\n");
}

/// What stands between the first text and the second one.
fn block(code: &str) -> String {
    let whole = source(&format!("<%{code}%>z"));
    let inside = whole.strip_prefix("req.write(\"\"\"\"\"\",0);").expect("no text before");
    inside.strip_suffix("req.write(\"\"\"z\"\"\",0)\n").expect("z behind").to_owned()
}

#[test]
fn blocks() {
    for (code, expected) in [
        ("x=1", "x=1;"),
        (" x=1; ", " x=1; "),
        (" ", " "),
        ("# all", ""),
        ("x='#'", "x='#';"),
        ("x=1 # c", "x=1 ;"),
        ("x='''\n#'''", "x='''\n#''';"),
        ("\nx=1", "\nx=1;"),
        ("\n# c", "\n"),
        ("\n  x=1\n", "\n  x=1\n  "),
        ("\n  x=1\n\n", "\n  x=1\n\n"),
        ("\nx=1\n   ", "\nx=1\n"),
        ("\nif x:\n  y()\n", "\nif x:\n  y()\n  "),
        ("\nif x:\n  y()\n   ", "\nif x:\n  y()\n  "),
        ("\nif x:\n  y()\n# end\n", "\nif x:\n  y()\n# end\n"),
        ("\nif x:\n\n", "\nif x:\n\n\t"),
        ("\n  if x:\n", "\n  if x:\n  \t"),
        ("\nif x: # c\n", "\nif x: # c\n\t"),
        ("\nif x:\n    # begin\n", "\nif x:\n    # begin\n    "),
        ("\nif x:", "\nif x:\t"),
        ("\r\nx=1\r", "\nx=1\n"),
        ("\nx = ''':\n", "\nx = ''':\n"),
    ] {
        assert_eq!(block(code), expected, "{code:?}");
    }
}

#[test]
fn no_text_is_not_written() {
    let done = tried("<%\nif x:\n%><%=y%>", Style::DIRECT).expect("a good template");
    assert_eq!(done.source, "pass;\nif x:\n\t__write__(\"\"\"\"\"\", (y), \"\"\"\"\"\")\n");
}

#[test]
fn one_call_writes_what_is_on_a_line() {
    for (page, expected) in [
        ("a<%=b%>c<%= d.e[0] %>", "w('a', (b), 'c', ( d.e[0] ), '')"),
        ("a<%=b()%>c<%=d%>e", "w('a'); w('', (b()), 'c', (d), 'e')"),
        ("a<%=b%>\nc<%=d%>", "w('a', (b), '\nc'); w('', (d), '')"),
        ("<%=b%><%=c%>", "w('', (b), '', (c), '')"),
        ("<%=%>a<%=b,%>", "w('', __value__(), 'a'); w('', __value__(b,), '')"),
        ("<%=# c%>", "w('', __value__(), '')"),
        ("<%=*b%>", "w('', __value__(*b), '')"),
        ("<%--\n--%>a<%=b%>", "w(''\n'a'); w('', (b), '')"),
    ] {
        let done = tried(page, Style::DIRECT).expect("a good template");
        let source = done.source.replace("\"\"\"", "'").replace("__write__", "w");
        assert_eq!(source, format!("{expected}\n"), "{page:?}");
    }
}

#[test]
fn fragments() {
    let page =
        "1<%@ include file=\"head\" %>\n3<%@ include file='head' %><%@include\n file = \"loop\"%>x";
    let done = tried(page, Style::DOCUMENTED).expect("a good template");
    let expected = "req.write(\"\"\"1<b>\n\"\"\",0); x = 1 ;req.write(\"\"\"</b>\n\n3\"\"\"\n\"\"\"\"\"\",0);\nfor i in y:\n\treq.write(\"\"\"x\"\"\",0)\n";
    assert_eq!(done.source, expected);
    assert_eq!(done.files, ["page", "head", "loop"]);
    let segments = [(1, 1, 1), (3, 0, 1), (5, 2, 1), (7, 0, 3)];
    assert_eq!(done.segments, segments.map(|(from, file, line)| Segment { from, file, line }));
}

#[test]
fn directives_that_are_none() {
    for directive in ["", "page", "includes file=\"head\"", "include file=\"a b\"", "include file="]
    {
        assert_eq!(source(&format!("a<%@{directive}%>b")), "req.write(\"\"\"ab\"\"\",0)\n");
    }
}

#[test]
fn what_is_wrong_and_where() {
    assert_eq!(problem("a\n<%= x"), (2, Problem::Unterminated("<%=", "%>")));
    assert_eq!(problem("a\n\n<%--%>"), (3, Problem::Unterminated("<%--", "--%>")));
    assert_eq!(problem("<%\n\n"), (1, Problem::Unterminated("<%", "%>")));
    assert_eq!(problem(b"a\r\rb\n\xe9"), (4, Problem::NotUtf8(0xe9)));
    assert_eq!(problem("\n<%\n\0%>"), (3, Problem::NulInCode));
    let chain = ["self", "again", "self"].map(str::to_owned).to_vec();
    assert_eq!(problem("<%@ include file=\"self\"%>"), (1, Problem::Recursion(chain)));
    let missing = tried("<%@ include file=\"none\"%>", Style::DIRECT);
    assert_eq!(missing.expect_err("none"), Failure::Fragment("none".to_owned()));
}

#[test]
fn a_line_of_the_page_is_a_line_of_the_source() {
    for page in ["a\nb", "<%--\n--%>\n", "<%\nx\n  %>\n\n", "<%=\n1\n%><%@\n%>", "\r\r\n<%\r\n%>"] {
        for style in [Style::DOCUMENTED, Style::DIRECT, Style::ANY_REQUEST] {
            let done = tried(page, style).expect("a good template");
            let lines = done.source.matches('\n').count();
            assert_eq!(lines, super::lines::newlines(page) + 1, "{page:?}");
            assert_eq!(done.segments, [Segment { from: 1, file: 0, line: 1 }]);
        }
    }
}
