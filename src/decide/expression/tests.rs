//! In: expressions and values as authors write them. Out: the rules of this room, each shown.
//! Guarantee: shallow enough for the stack of a test thread.
use super::*;
use crate::decide::value::{Map, Seal, Value};

const SECRET: &str = "hunter2";

fn seal() -> Seal {
    Seal::new(b"key")
}

fn map(entries: &[(&str, Value)]) -> Value {
    entries.iter().cloned().collect::<Map>().into()
}

fn list(items: &[Value]) -> Value {
    Value::list(items.to_vec())
}

fn scope(seal: &Seal) -> Scope<'_> {
    let labels = map(&[("region", "eu".into()), ("tier", "gold".into())]);
    let workers =
        [("b", 2), ("a", 1)].map(|(name, size)| map(&[("name", name.into()), ("size", Value::Integer(size))]));
    let vars = map(&[
        ("replicas", Value::Integer(3)),
        ("huge", Value::Unsigned(u64::MAX)),
        ("ratio", Value::Float(0.5)),
        ("on", Value::Bool(true)),
        ("none", Value::Null),
        ("host", "example.org".into()),
        ("workers", list(&workers)),
        ("password", seal.seal(SECRET.into())),
        ("nested", map(&[("password", seal.seal(SECRET.into())), ("port", Value::Integer(80))])),
    ]);
    Scope::new(seal)
        .with("vars", vars)
        .with("cluster", map(&[("name", "one".into()), ("labels", labels)]))
        .labels_default_null()
}

fn evaluate(text: &str) -> Result<Value, ExpressionError> {
    Expression::compile(text)?.evaluate(&scope(&seal()))
}

fn template(text: &str) -> Result<Value, ExpressionError> {
    let template = Template::parse(text).map_err(|(_, error)| error)?;
    template.evaluate(&scope(&seal())).map_err(|(_, error)| error)
}

fn references(text: &str) -> Vec<String> {
    let expression = Expression::compile(text).expect("it is an expression that holds");
    expression.references().iter().map(|path| path.join("/")).collect()
}

#[test]
fn a_value_goes_into_cel_and_comes_back_the_same() {
    for name in ["replicas", "huge", "ratio", "on", "none", "host", "workers"] {
        let value = evaluate(&format!("vars.{name}")).expect("it is an expression that holds");
        let seal = seal();
        let scope = scope(&seal);
        let direct = Expression::compile(&format!("[vars.{name}][0]"))
            .expect("it is an expression that holds")
            .evaluate(&scope)
            .expect("it is an expression that holds");
        assert_eq!(value, direct, "{name} is the same through a list of CEL");
        assert!(!value.is_tainted(), "{name} depends on nothing sensitive, though vars holds some");
    }
    assert_eq!(
        evaluate("vars.huge").expect("it is an expression that holds"),
        Value::Unsigned(u64::MAX),
        "an integer above i64 stays itself"
    );
    assert_eq!(
        evaluate("3u").expect("it is an expression that holds"),
        Value::Integer(3),
        "an unsigned result has the smallest form"
    );
    assert_eq!(
        evaluate("{'b': 1, 'a': [true]}").expect("it is an expression that holds"),
        map(&[("a", list(&[Value::Bool(true)])), ("b", Value::Integer(1))])
    );
    assert_eq!(
        evaluate("vars.replicas < vars.huge").expect("it is an expression that holds"),
        Value::Bool(true),
        "int and uint compare as numbers"
    );
}

#[test]
fn what_json_has_no_form_for_is_a_type_error() {
    for text in ["b'bytes'", "type(1)", "[b'bytes']", "{1: 2}"] {
        assert!(matches!(evaluate(text), Err(ExpressionError::Type(_))), "{text} has no form in JSON");
    }
    assert!(matches!(evaluate("1.0 / 0.0"), Err(ExpressionError::Arithmetic(_))), "infinity has no form in JSON");
}

#[test]
fn a_map_is_walked_over_in_the_order_of_its_keys() {
    let seal = seal();
    let keys: Vec<String> = (0..100).map(|at| format!("key-{at:03}")).collect();
    let entries: Map = keys.iter().map(|key| (key.as_str(), Value::Null)).collect();
    let scope = Scope::new(&seal).with("all", entries.into());
    for text in ["all.map(key, key)", "[all][0].map(key, key)", "all.filter(key, key != '')"] {
        let walked = Expression::compile(text)
            .expect("it is an expression that holds")
            .evaluate(&scope)
            .expect("it is an expression that holds");
        let walked: Vec<_> =
            walked.as_list().expect("it is an expression that holds").iter().filter_map(Value::as_str).collect();
        assert_eq!(walked, keys, "{text} gives the keys in order");
    }
}

#[test]
fn a_map_that_is_written_out_is_not_walked_over() {
    for text in [
        "{'b': 1, 'a': 2}.map(key, key)",
        "[{'b': 1, 'a': 2}].map(x, x.map(key, key))",
        "(vars.on ? cluster.labels : {}).map(key, key)",
        "{'x': [{'b': 1, 'a': 2}]}.x[0].exists(key, key == 'a')",
    ] {
        assert_eq!(evaluate(text), Err(ExpressionError::Unordered), "{text} has an order of chance");
    }
    let built = evaluate("vars.workers.map(w, {'name': w.name}).map(w, w.name)");
    assert_eq!(built, Ok(list(&["b".into(), "a".into()])), "a list of such maps is walked over");
}

#[test]
fn a_broken_string_hides_no_brackets() {
    let deep = "(".repeat(1000);
    for text in ["'{}", "'\n{}'", "'\\q{}'", "rb'\\'{}'", "'''{}", "x'{}'", "'\\x0{}'", "'\\9{}'"] {
        let refused = Expression::compile(&text.replace("{}", &deep)).unwrap_err();
        assert_eq!(refused, ExpressionError::Quotes, "{text} is no string to CEL");
    }
    for text in [r"r'\d'", r"'\u00e9\x41\101\n\''", r#""""a"b\"""""#, "'''a\n'b'''", "'(' // ((("] {
        assert!(Expression::compile(text).is_ok(), "{text} is a string to CEL");
    }
}

#[test]
fn a_map_equals_one_that_is_written_out() {
    for text in
        ["cluster.labels == {'tier': 'gold', 'region': 'eu'}", "{'tier': 'gold', 'region': 'eu'} == cluster.labels"]
    {
        assert_eq!(evaluate(text), Ok(Value::Bool(true)), "{text}");
    }
}

#[test]
fn references_are_the_paths_that_are_written_out() {
    assert_eq!(references("vars.workers[0].name"), ["vars/workers"], "a number ends the path");
    assert_eq!(
        references("layers[\"cni\"].version + layers['cni'].namespace"),
        ["layers/cni/namespace", "layers/cni/version"]
    );
    assert_eq!(
        references("cluster.labels[vars.key].x"),
        ["cluster/labels", "vars/key"],
        "a computed key ends the path"
    );
    assert_eq!(references("vars.workers.filter(vars, vars.size > cluster.nodes)"), ["cluster/nodes", "vars/workers"]);
    assert_eq!(references("vars.a.map(x, vars.a.map(x, x + y))"), ["vars/a", "y"]);
    assert_eq!(references("type(vars.a) == int && has(vars.b.c) && vars.a.size() > 0"), ["vars/a", "vars/b/c"]);
    assert_eq!(
        references("vars.a.exists(vars, .vars.b == vars)"),
        ["vars/a", "vars/b"],
        "a leading dot means the root"
    );
}

#[test]
fn a_result_that_depends_on_something_sensitive_is_sealed() {
    for text in
        ["vars.password", "vars.password + '!'", "size(vars.password)", "vars.nested", "vars.nested.password == 'x'"]
    {
        let value = evaluate(text).expect("it is an expression that holds");
        assert!(matches!(value, Value::Sensitive(_)), "{text} depends on a secret");
        assert!(!format!("{value:?}").contains(SECRET), "{text} is not shown");
    }
    assert_eq!(evaluate("vars.nested.port"), Ok(Value::Integer(80)), "what lies beside a secret is not one");
    assert!(
        evaluate("vars[cluster.name == 'one' ? 'host' : 'x']").expect("it is an expression that holds").is_tainted(),
        "a computed key reads all"
    );
    let Value::Sensitive(sealed) = evaluate("[vars.nested]").expect("it is an expression that holds") else {
        panic!("the list depends on a secret")
    };
    assert!(!sealed.expose().is_tainted(), "there is one seal around the result, and none inside");
}

#[test]
fn a_text_with_a_sensitive_part_is_sealed_as_a_whole() {
    let value =
        template("postgres://user:${{ vars.password }}@${{ vars.host }}").expect("it is an expression that holds");
    let Value::Sensitive(sealed) = value else { panic!("the text holds a secret") };
    assert_eq!(sealed.expose().as_str(), Some("postgres://user:hunter2@example.org"));
}

#[test]
fn errors_show_no_values() {
    for text in [
        "vars.password + 1",
        "vars.password < 1",
        "int(vars.password)",
        "{}[vars.password]",
        "cluster.labels[vars.password]",
        "vars.password.matches('(')",
        "'x'.matches(vars.password + '(')",
        "{vars.password: 1, vars.password: 2}",
        "[1][vars.replicas]",
        "vars.password ? 1 : 2",
        "vars.host.nothing",
        "1 / (vars.replicas - 3)",
        "{'hunter2': 1}.x[vars.password]",
    ] {
        let Err(error) = evaluate(text) else { panic!("{text} has no value") };
        let (shown, debug) = (error.to_string(), format!("{error:?}"));
        for value in [SECRET, "example.org"] {
            assert!(!shown.contains(value) && !debug.contains(value), "{text} shows a value: {shown}");
        }
    }
}

#[test]
fn an_unknown_name_is_named() {
    let unknown = |text| match evaluate(text) {
        Err(ExpressionError::UnknownName { path, .. }) => path,
        other => panic!("{text} gives {other:?}"),
    };
    assert_eq!(unknown("vras.replicas"), "vras", "a root that is not there");
    assert_eq!(unknown("vars.replica"), "vars.replica", "a key that is not there, with its path");
    assert_eq!(unknown("vars['replica']"), "vars.replica");
    assert_eq!(unknown("vars.workers[0].nme"), "nme", "a key below a number");
    let function = ExpressionError::UnknownFunction("twice".into());
    assert_eq!(evaluate("vars.replicas.twice()"), Err(function), "a function that is not there");
    assert!(matches!(evaluate("vars[vars.host]"), Err(ExpressionError::Absent(_))), "a computed key is a value");
}

#[test]
fn an_absent_label_is_null() {
    assert_eq!(evaluate("cluster.labels.gpu"), Ok(Value::Null));
    assert_eq!(evaluate("cluster.labels.gpu == 'yes'"), Ok(Value::Bool(false)));
    assert_eq!(evaluate("cluster.labels['gpu/kind'] == null"), Ok(Value::Bool(true)));
    assert_eq!(evaluate("cluster.labels.region"), Ok("eu".into()), "one that is there stays");
    assert_eq!(evaluate("has(cluster.labels.gpu)"), Ok(Value::Bool(false)), "what is asked for stays absent");
    assert_eq!(evaluate("has(cluster.labels.gpu) ? cluster.labels.gpu : 'none'"), Ok("none".into()));
    assert_eq!(evaluate("cluster.labels.gpu == null && cluster.labels.size() == 3"), Ok(Value::Bool(true)));
    assert!(evaluate("cluster.nodes").is_err(), "only labels are null where absent");
}

#[test]
fn a_condition_is_a_boolean() {
    let seal = seal();
    let condition =
        |text: &str| Expression::compile(text).expect("it is an expression that holds").evaluate_bool(&scope(&seal));
    assert_eq!(condition("cluster.labels.region == 'eu' && vars.replicas > 2"), Ok(true));
    assert_eq!(condition("vars.password == 'x'"), Ok(false));
    let error = condition("vars.host").unwrap_err();
    assert_eq!(error.to_string(), "expected a boolean, found a string", "a text is not a truth");
}

#[test]
fn a_type_error_names_the_types() {
    let error = evaluate("vars.host + vars.replicas").unwrap_err();
    assert!(
        matches!(&error, ExpressionError::Type(text) if text.contains("string") && text.contains("int")),
        "{error}"
    );
}

#[test]
fn a_lone_placeholder_keeps_its_type() {
    assert_eq!(template("${{ vars.replicas }}"), Ok(Value::Integer(3)));
    assert_eq!(template("${{ vars.none }}"), Ok(Value::Null));
    assert_eq!(template("${{ vars.workers.map(w, w.name) }}"), Ok(list(&["b".into(), "a".into()])));
    assert_eq!(template("${{{'a': {'b': 1}}}}"), Ok(map(&[("a", map(&[("b", Value::Integer(1))]))])), "braces pair up");
}

#[test]
fn values_inside_a_text_are_spliced() {
    assert_eq!(
        template("https://${{ vars.host }}:${{vars.replicas}}/${{ vars.on }}?${{ vars.ratio }}"),
        Ok("https://example.org:3/true?5e-1".into())
    );
    assert_eq!(template(" ${{ vars.replicas }}"), Ok(" 3".into()), "a space makes it a text");
    assert_eq!(template("${{ '}}' }}${{ \"it's }}\" }}"), Ok("}}it's }}".into()), "strings end no placeholder");
    for text in ["x${{ vars.none }}", "x${{ vars.workers }}", "x${{ cluster.labels }}"] {
        let (at, error) =
            Template::parse(text).expect("it is an expression that holds").evaluate(&scope(&seal())).unwrap_err();
        assert!(matches!(error, ExpressionError::Type(_)), "{text} has no one text");
        assert_eq!(at, 1..text.len(), "the error is at the placeholder");
    }
}

#[test]
fn a_doubled_dollar_is_a_literal() {
    assert_eq!(template("a $${{ x }} b"), Ok("a ${{ x }} b".into()));
    assert_eq!(template("$$${{ ${{ vars.replicas }}"), Ok("$${{ 3".into()));
    assert!(Template::parse("$${{").expect("it is an expression that holds").is_plain(), "a literal is no placeholder");
    assert_eq!(template("$$ {{ }} $x ${y}"), Ok("$$ {{ }} $x ${y}".into()), "others mean nothing here");
    assert!(has_placeholder("a${{b}}") && !has_placeholder("a{{b}}"));
}

#[test]
fn a_template_knows_where_it_is_wrong_and_what_it_reads() {
    let error = |text: &str| Template::parse(text).unwrap_err();
    assert_eq!(error("ab ${{ vars.x"), (3..13, ExpressionError::Unclosed));
    assert_eq!(error("${{ 'a }}").1, ExpressionError::Quotes, "its string does not end");
    let (at, wrong) = error("é ${{ 1 + }} ${{ 2 }}");
    assert_eq!(at, 3..13, "the bytes of the placeholder");
    assert!(matches!(wrong, ExpressionError::Syntax(_)), "{wrong}");
    assert!(matches!(error("${{ }}").1, ExpressionError::Syntax(_)), "nothing is no expression");
    let template = Template::parse("${{ vars.b }}${{ vars.a + vars.b }}").expect("it is an expression that holds");
    assert_eq!(template.references().iter().map(|path| path.join("/")).collect::<Vec<_>>(), ["vars/a", "vars/b"]);
}

#[test]
fn long_and_deep_expressions_are_refused_unread() {
    let refused = |text: String| Expression::compile(&text).unwrap_err();
    assert_eq!(refused("a".repeat(100_000)), ExpressionError::TooLong { bytes: 100_000 });
    assert_eq!(refused("(".repeat(33)), ExpressionError::TooDeep);
    assert_eq!(refused("[".repeat(1000)), ExpressionError::TooDeep);
    assert_eq!(refused(format!("a{}", ".a".repeat(1000))), ExpressionError::TooDeep);
    assert_eq!(refused(format!("a{}", "[0]".repeat(600))), ExpressionError::TooDeep);
    assert_eq!(refused(format!("1{}", "+1".repeat(1000))), ExpressionError::TooDeep);
    assert_eq!(refused(format!("1{}", " in a".repeat(400))), ExpressionError::TooDeep);
    assert_eq!(refused("!".repeat(2000)), ExpressionError::TooDeep);
    assert_eq!(refused(format!("{}1", "a?1:".repeat(500))), ExpressionError::TooDeep);
    assert_eq!(refused(format!("{}1", "a&&b?1:".repeat(200))), ExpressionError::TooDeep, "`&&` does not part `?:`");
    assert!(Expression::compile(&format!("vars.on{}", " && vars.on".repeat(100))).is_ok(), "breadth is not depth");
    assert!(Expression::compile(&format!("[{}1]", "1,".repeat(900))).is_ok());
    assert!(Expression::compile(&format!("'{}'", "(".repeat(900))).is_ok(), "brackets in strings are no brackets");
}

#[test]
fn comprehensions_nest_twice_at_most() {
    assert!(evaluate("vars.workers.map(a, vars.workers.filter(b, b.size > a.size))").is_ok());
    for text in ["[1].map(a, [a].map(b, [b].map(c, c)))", "[1].map(a, a).map(a, a).map(a, a)"] {
        assert_eq!(Expression::compile(text).unwrap_err(), ExpressionError::Comprehensions, "{text}");
    }
}

#[test]
fn work_is_bounded_before_it_is_done() {
    let seal = seal();
    let numbers = |count| Value::list((0..count).map(Value::Integer).collect());
    let check = |text: &str, items| {
        let scope = Scope::new(&seal).with("all", numbers(items));
        Expression::compile(text).expect("it is an expression that holds").evaluate(&scope)
    };
    assert!(check("all.map(a, a + 1)", 10_000).is_ok(), "a long list is walked over once");
    assert!(check("all.filter(a, all.exists(b, b == a + 1))", 100).is_ok(), "two short ones are joined");
    assert_eq!(check("all.filter(a, all.exists(b, b == a + 1))", 10_000), Err(ExpressionError::TooCostly));
    assert_eq!(check("all.map(a, all)", 5_000), Err(ExpressionError::TooCostly), "the result counts as well");
    let doubled = format!("[all].map(a, a{}).map(a, a{})", "+a".repeat(60), "+a".repeat(60));
    assert_eq!(check(&doubled, 1_000), Err(ExpressionError::TooCostly), "what a comprehension gives is counted");
    let pattern = "all.all(a, 'x'.matches('(a{1000}){1000}'))";
    assert_eq!(check(pattern, 1_000), Err(ExpressionError::TooCostly), "a pattern is compiled at each step");
}

#[test]
fn a_syntax_error_says_where() {
    let error = Expression::compile("vars.a +\n  * 2").unwrap_err();
    assert!(error.to_string().contains("line 2"), "{error}");
    assert!(!error.to_string().contains('*'), "the text itself is not shown: {error}");
    assert!(error.hint().is_some());
}
