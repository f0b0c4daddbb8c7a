//! How calls of functions that ask a model are written: arguments by name, `llm_complete(question, temperature => 0, sample => id)`.
//!
//! The engine knows arguments by name, but cannot leave one out before another. So such calls are rewritten before they are planned:
//! names of parameters go to their places, with NULL for those left out, and names of options become fields of one struct. A map that is
//! written out becomes a struct as well, whose names and values are checked one by one.
//!
//! `SET mmevol.NAME = NULL` and `RESET mmevol.NAME`, which the engine has only for options of its own, are rewritten as well, and so are COPY
//! TO a file whose extension says its format to us alone, and a recursive query whose columns have names.

use std::ops::ControlFlow;

use datafusion::common::Result;
use datafusion::config::ConfigExtension;
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::sql::parser::{CopyToSource, ResetStatement, Statement};
use datafusion::sql::sqlparser::ast::{
    DictionaryField, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Set, Statement as SqlStatement,
    Value, ValueWithSpan, Visit, VisitMut, visit_expressions_mut,
};

use super::copy::{name_format, refuse_columns};
use super::recursive_names::name_first_terms;
use super::refused_tables::refuse_tables;
use crate::error::{Error, Position};
use crate::functions::llm;
use crate::functions::llm::options::{DEFAULT, ModelOptions};

/// Plans a statement as [`SessionContext::sql`] does, with arguments by name where a function asks a model.
pub(super) async fn plan(context: &SessionContext, sql: &str) -> Result<DataFrame> {
    let state = context.state();
    let mut statement = state.sql_to_statement(sql, &state.config().options().sql_parser.dialect)?;
    rewrite(&mut statement)?;
    let plan = state.statement_to_plan(statement).await?;
    refuse_columns(&plan)?;
    context.execute_logical_plan(plan).await
}

fn rewrite(statement: &mut Statement) -> crate::Result<()> {
    if let Statement::Reset(ResetStatement::Variable(variable)) = statement
        && is_option(variable)
    {
        let values = vec![text(DEFAULT)];
        let set = Set::SingleAssignment { scope: None, hivevar: false, variable: variable.clone(), values };
        *statement = Statement::Statement(Box::new(SqlStatement::Set(set)));
    }
    match statement {
        Statement::Statement(statement) => {
            if let SqlStatement::Set(Set::SingleAssignment { variable, values, .. }) = statement.as_mut()
                && is_option(variable)
            {
                values.iter_mut().for_each(null_to_text);
            }
            rewrite_calls(statement)
        }
        Statement::Explain(explain) => rewrite(&mut explain.statement),
        Statement::CopyTo(copy) => {
            name_format(copy);
            match &mut copy.source {
                CopyToSource::Query(query) => rewrite_calls(query),
                CopyToSource::Relation(_) => Ok(()),
            }
        }
        Statement::CreateExternalTable(_) | Statement::Reset(_) => Ok(()),
    }
}

/// Whether it is one of [`ModelOptions`].
fn is_option(variable: &ObjectName) -> bool {
    let namespace = variable.0.first().and_then(|part| part.as_ident());
    namespace.is_some_and(|name| name.value.eq_ignore_ascii_case(ModelOptions::PREFIX))
}

/// The options themselves read the word.
fn null_to_text(value: &mut Expr) {
    if matches!(value, Expr::Value(ValueWithSpan { value: Value::Null, .. })) {
        *value = text("null");
    }
}

fn text(value: &str) -> Expr {
    Expr::value(Value::SingleQuotedString(value.to_owned()))
}

fn rewrite_calls(part: &mut (impl Visit + VisitMut)) -> crate::Result<()> {
    refuse_tables(part)?;
    name_first_terms(part)?;
    let visited = visit_expressions_mut(part, |expression| match expression {
        Expr::Function(function) => rewrite_call(function).map_or_else(ControlFlow::Break, ControlFlow::Continue),
        _ => ControlFlow::Continue(()),
    });
    match visited {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

fn rewrite_call(function: &mut Function) -> crate::Result<()> {
    let Some(mut call) = single_name(&function.name).and_then(|name| Call::new(&name)) else { return Ok(()) };
    if let Some(clause) = clause_without_effect(function) {
        let name = call.description.name;
        return Err(Error::sql(format!(
            "{name} is asked for single rows and takes no {clause}: use WHERE or CASE for the rows to ask for"
        )));
    }
    let FunctionArguments::List(list) = &mut function.args else { return Ok(()) };
    for argument in &mut list.args {
        if let FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) | FunctionArg::Named { arg: FunctionArgExpr::Expr(value), .. } = argument
        {
            map_to_struct(value);
        }
    }
    if call.description.options().is_some() {
        // The engine makes no struct without fields.
        list.args.retain(|argument| !is_empty_struct(argument));
    }
    if list.args.iter().any(|argument| matches!(argument, FunctionArg::Named { .. })) {
        for argument in std::mem::take(&mut list.args) {
            call.add(argument)?;
        }
        list.args = call.arguments()?;
    }
    Ok(())
}

/// A part of the call that the engine reads for aggregates and windows alone, and would drop in silence here.
fn clause_without_effect(function: &Function) -> Option<&'static str> {
    let list = match &function.args {
        FunctionArguments::List(list) => Some(list),
        FunctionArguments::None | FunctionArguments::Subquery(_) => None,
    };
    let parts = [
        (function.filter.is_some(), "FILTER"),
        (function.over.is_some(), "OVER"),
        (!function.within_group.is_empty(), "WITHIN GROUP"),
        (function.null_treatment.is_some(), "NULLS clause"),
        (list.is_some_and(|list| list.duplicate_treatment.is_some()), "DISTINCT or ALL"),
        (list.is_some_and(|list| !list.clauses.is_empty()), "clause behind its arguments"),
    ];
    parts.into_iter().find_map(|(given, clause)| given.then_some(clause))
}

/// The arguments of a call on their way to their places.
struct Call {
    description: &'static llm::Description,
    /// The names of the parameters that have a place; options come last, wherever the others end.
    parameters: Vec<&'static str>,
    places: Vec<Option<FunctionArgExpr>>,
    options: Vec<DictionaryField>,
    /// Options given as one value.
    given_options: Option<Expr>,
    has_names: bool,
}

impl Call {
    /// `None` for a function that asks no model.
    fn new(name: &str) -> Option<Call> {
        let description = llm::description(name)?;
        let parameters = description.places();
        Some(Call { description, parameters, places: Vec::new(), options: Vec::new(), given_options: None, has_names: false })
    }

    fn add(&mut self, argument: FunctionArg) -> crate::Result<()> {
        match argument {
            FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } => self.add_named(name, value),
            FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Dictionary(fields)))
                if !self.has_names && self.places.len() >= self.description.required() =>
            {
                self.options.extend(fields);
                Ok(())
            }
            FunctionArg::Unnamed(value) if !self.has_names => {
                self.places.push(Some(value));
                Ok(())
            }
            other => Err(Error::sql(format!("{}: {other} must come before the arguments that have a name", self.description.name))),
        }
    }

    fn add_named(&mut self, name: Ident, value: Expr) -> crate::Result<()> {
        let known = |known: &&str| known.eq_ignore_ascii_case(&name.value);
        let options = self.description.options().unwrap_or_default();
        self.has_names = true;
        let is_second = if let Some(place) = self.parameters.iter().position(&known) {
            self.places.resize(self.places.len().max(place + 1), None);
            self.places[place].replace(FunctionArgExpr::Expr(value)).is_some()
        } else if name.value.eq_ignore_ascii_case("options") {
            match value {
                Expr::Dictionary(fields) => {
                    self.options.extend(fields);
                    false
                }
                value => self.given_options.replace(value).is_some(),
            }
        } else if options.iter().any(known) {
            self.options.push(DictionaryField { key: name.clone(), value: Box::new(value) });
            false
        } else {
            return Err(at(&name, self.description.unknown_name(&name.value)));
        };
        match is_second {
            true => Err(at(&name, Error::sql(format!("{}: '{name}' is given twice", self.description.name)))),
            false => Ok(()),
        }
    }

    /// The arguments by place.
    fn arguments(mut self) -> crate::Result<Vec<FunctionArg>> {
        let name = self.description.name;
        let is_missing = |place: &usize| self.places.get(*place).is_none_or(Option::is_none);
        if let Some(place) = (0..self.description.required()).find(is_missing) {
            return Err(Error::sql(format!("{name} needs {}: {}", self.parameters[place], self.description.syntax())));
        }
        let options = match (self.given_options.take(), self.options.is_empty()) {
            (given, true) => given,
            (None, false) => Some(Expr::Dictionary(self.options)),
            (Some(_), false) => return Err(Error::sql(format!("{name}: options are given as one value and by name: use one of both"))),
        };
        let null = || FunctionArgExpr::Expr(Expr::value(Value::Null));
        let places = self.places.into_iter().map(|value| value.unwrap_or_else(null));
        Ok(places.chain(options.map(FunctionArgExpr::Expr)).map(FunctionArg::Unnamed).collect())
    }
}

/// A map that is written out, with texts as keys, as the struct with these fields.
fn map_to_struct(expression: &mut Expr) {
    let Expr::Map(map) = expression else { return };
    let fields = map.entries.iter().map(|entry| match entry.key.as_ref() {
        Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), span }) => {
            Some(DictionaryField { key: Ident::with_span(*span, text), value: entry.value.clone() })
        }
        _ => None,
    });
    if let Some(fields) = fields.collect::<Option<Vec<_>>>() {
        *expression = Expr::Dictionary(fields);
    }
}

fn is_empty_struct(argument: &FunctionArg) -> bool {
    matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Dictionary(fields))) if fields.is_empty())
}

fn single_name(name: &ObjectName) -> Option<String> {
    match name.0.as_slice() {
        [part] => part.as_ident().map(|name| name.value.to_lowercase()),
        _ => None,
    }
}

/// The error with the place where the name stands.
pub(super) fn at(name: &Ident, error: Error) -> Error {
    match error {
        Error::Sql { message, hints, .. } => {
            let start = name.span.start;
            let position = (start.line > 0).then_some(Position { line: start.line, column: start.column });
            Error::Sql { message, position, hints }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::parser::DFParser;

    use super::*;

    fn rewritten(sql: &str) -> crate::Result<String> {
        let mut statement = DFParser::parse_sql(sql).unwrap().pop_front().unwrap();
        rewrite(&mut statement)?;
        Ok(statement.to_string())
    }

    #[test]
    fn names_go_to_their_places() {
        for (given, planned) in [
            ("llm_complete(q, temperature => 0, sample => id)", "llm_complete(q, {temperature: 0, sample: id})"),
            ("llm_complete(image_ids => i, prompt => q)", "llm_complete(q, i)"),
            ("AI(prompt => q, seed => 1)", "AI(q, {seed: 1})"),
            ("llm_complete(q, {seed: 1}, sample => 2)", "llm_complete(q, {seed: 1, sample: 2})"),
            ("llm_complete(q, options => o)", "llm_complete(q, o)"),
            ("llm_complete(q, MAP {'seed': 1, 'schema': 's'})", "llm_complete(q, {seed: 1, schema: 's'})"),
            ("llm_complete(q, MAP {k: 1})", "llm_complete(q, MAP {k: 1})"),
            ("llm_complete(q, {})", "llm_complete(q)"),
            ("llm_complete(q, MAP {}, seed => 1)", "llm_complete(q, {seed: 1})"),
            ("llm_complete(prompt => q, options => MAP {})", "llm_complete(q)"),
            ("llm_evolve(o, i, c, b, x, sample => 3)", "llm_evolve(o, i, c, b, x, NULL, 3)"),
            ("llm_embed(llm_complete(text, seed => 1), sample => 1)", "llm_embed(llm_complete(text, {seed: 1}), {sample: 1})"),
            ("other(a => 1)", "other(a => 1)"),
        ] {
            assert_eq!(rewritten(&format!("SELECT {given} FROM t")).unwrap(), format!("SELECT {planned} FROM t"));
        }
        let explained = rewritten("EXPLAIN SELECT * FROM (SELECT ai(q, seed => 1) FROM t)").unwrap();
        assert!(explained.ends_with("ai(q, {seed: 1}) FROM t)"), "{explained}");
    }

    #[test]
    fn options_take_null_and_are_reset() {
        for (given, planned) in [
            ("SET mmevol.seed = NULL", "SET mmevol.seed = 'null'"),
            ("SET MMEVOL.on_error TO null", "SET MMEVOL.on_error = 'null'"),
            ("SET mmevol.seed = 1", "SET mmevol.seed = 1"),
            ("RESET mmevol.seed", "SET mmevol.seed = 'default'"),
            ("RESET datafusion.execution.batch_size", "RESET datafusion.execution.batch_size"),
            ("SET datafusion.execution.batch_size = NULL", "SET datafusion.execution.batch_size = NULL"),
        ] {
            assert_eq!(rewritten(given).unwrap(), planned);
        }
    }

    #[test]
    fn names_that_do_not_fit_are_refused() {
        for (given, message) in [
            ("llm_complete(q, temprature => 0)", "llm_complete has no option 'temprature': llm_complete(prompt [, image_ids] [, options])"),
            ("llm_complete(seed => 1)", "llm_complete needs prompt: llm_complete(prompt [, image_ids] [, options])"),
            ("llm_complete(q, prompt => q)", "llm_complete: 'prompt' is given twice"),
            ("llm_complete(prompt => q, i)", "llm_complete: i must come before the arguments that have a name"),
            ("llm_complete(q) FILTER (WHERE id > 1)", "llm_complete is asked for single rows and takes no FILTER: use WHERE or CASE"),
            ("try_ai(DISTINCT q)", "try_llm_complete is asked for single rows and takes no DISTINCT"),
            ("llm_embed(q) OVER ()", "llm_embed is asked for single rows and takes no OVER"),
            ("llm_filter(q ORDER BY q)", "llm_filter is asked for single rows and takes no clause"),
            ("llm_complete(q, options => o, seed => 1)", "llm_complete: options are given as one value and by name: use one of both"),
        ] {
            let error = rewritten(&format!("SELECT {given}")).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
