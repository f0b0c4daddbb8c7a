//! The lenient reader: one value from a text that `serde_json` refuses.
//!
//! A loop over tokens with a stack of open lists and objects. Small faults are mended in place: commas too many or too few, a
//! bracket forgotten, a value without quotes. Anything else abandons the open values: their finished members count, the object
//! that could not be read is reported, and the caller looks for the next bracket.

use serde_json::{Map, Number, Value};

use super::cursor::{
    Cursor, is_blank, is_name_character, is_quote, opens_tuple, quoted_key_and_colon, starts_comment, starts_hash_comment,
};
use super::keys::{begins_another, begins_object};
use super::strings::{Place, StringError, joined_string, read_string};
use super::{MAX_DEPTH, Part, Repaired, TURN_ENDS};

/// A list or an object that is still open.
enum Frame {
    List(Vec<Value>),
    /// A list in round brackets, as Python writes it.
    Tuple(Vec<Value>),
    Object {
        members: Map<String, Value>,
        /// The key whose value comes next.
        key: Option<String>,
        /// The last key had no quotes.
        bare_keys: bool,
        /// Where its brace stands.
        start: usize,
        /// Whole objects that stand before it in the same brace.
        finished: Vec<Value>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    List,
    Tuple,
    Object,
}

impl Frame {
    fn object(start: usize) -> Self {
        Frame::Object { members: Map::new(), key: None, bare_keys: false, start, finished: Vec::new() }
    }

    fn shape(&self) -> Shape {
        match self {
            Frame::List(_) => Shape::List,
            Frame::Tuple(_) => Shape::Tuple,
            Frame::Object { .. } => Shape::Object,
        }
    }

    fn into_value(self) -> Value {
        match self {
            Frame::List(items) | Frame::Tuple(items) => Value::Array(items),
            Frame::Object { mut members, key, .. } => {
                if let Some(key) = key {
                    members.insert(key, Value::Null);
                }
                Value::Object(members)
            }
        }
    }

    fn object_start(&self) -> Option<usize> {
        match self {
            Frame::List(_) | Frame::Tuple(_) => None,
            Frame::Object { start, .. } => Some(*start),
        }
    }

    /// Whether it is an object with a member that is neither a list nor an object.
    fn has_scalars(&self) -> bool {
        matches!(self, Frame::Object { members, .. } if members.values().any(|member| !member.is_array() && !member.is_object()))
    }

    /// Whether the value could end here: nothing of it is half written.
    fn is_settled(&self) -> bool {
        match self {
            Frame::List(_) | Frame::Tuple(_) => true,
            Frame::Object { members, key, .. } => key.is_none() && !members.is_empty(),
        }
    }
}

pub(super) struct Reader<'a> {
    cursor: Cursor<'a>,
    text: &'a str,
    stack: Vec<Frame>,
    repaired: &'a mut Repaired,
}

impl<'a> Reader<'a> {
    /// A reader of the value whose bracket stands at `start`.
    pub fn new(text: &'a str, start: usize, repaired: &'a mut Repaired) -> Self {
        Self { cursor: Cursor::new(text, start), text, stack: Vec::new(), repaired }
    }

    /// Reads the value and returns the position after it, which is always behind `start`.
    pub fn read(mut self) -> usize {
        self.open();
        while !self.stack.is_empty() {
            self.step();
        }
        self.cursor.position()
    }

    /// Takes one token.
    fn step(&mut self) {
        self.cursor.skip_blank();
        match self.cursor.peek() {
            None => self.cut_off(),
            Some(',' | ';' | '，' | '；') => {
                self.cursor.bump();
                self.settle_key();
            }
            Some(']') => self.close_through(Shape::List),
            Some(')') if self.in_tuple() => self.close_through(Shape::Tuple),
            Some('}') => self.close_through(Shape::Object),
            Some('`') if self.cursor.eat("```") => self.end_block(),
            Some('<') if TURN_ENDS.iter().any(|end| self.cursor.rest().starts_with(end)) => self.end_block(),
            // "and so on"
            Some('.') if self.cursor.eat("...") => {}
            Some('…') => self.pass_character(),
            Some(next) => match self.stack.last() {
                Some(Frame::Object { key: None, .. }) => self.read_key(next),
                _ => self.read_value(next),
            },
        }
    }

    fn open(&mut self) {
        let start = self.cursor.position();
        let bracket = self.cursor.bump();
        if self.stack.len() == MAX_DEPTH {
            self.repaired.too_deep = true;
            self.salvage();
        } else {
            self.stack.push(match bracket {
                Some('[') => Frame::List(Vec::new()),
                Some('(') => Frame::Tuple(Vec::new()),
                _ => Frame::object(start),
            });
        }
    }

    fn in_tuple(&self) -> bool {
        matches!(self.stack.last(), Some(Frame::Tuple(_)))
    }

    fn read_key(&mut self, next: char) {
        let bare = !is_quote(next);
        let found = match next {
            '{' => return self.open_without_key(),
            _ if bare => Some(self.cursor.take_while(is_name_character).to_owned()).filter(|name| !name.is_empty()),
            _ => match self.read_string(Place::Key) {
                Some(name) => Some(name),
                None => return,
            },
        };
        let has_colon = self.pass_colon();
        if self.cursor.peek().is_none() {
            return self.cut_off();
        }
        match (found, self.stack.last_mut()) {
            (Some(name), Some(Frame::Object { key, bare_keys, .. })) if has_colon => {
                *key = Some(name);
                *bare_keys = bare;
            }
            _ => self.give_up(),
        }
    }

    /// A brace where a key should be: the brace is doubled, or the object before it was not closed.
    fn open_without_key(&mut self) {
        let in_object = matches!(self.stack.iter().rev().nth(1), Some(Frame::Object { .. }));
        match self.stack.last() {
            Some(Frame::Object { members, .. }) if members.is_empty() => self.pass_character(),
            _ if in_object => self.give_up(),
            _ => self.close(),
        }
    }

    fn read_value(&mut self, next: char) {
        if matches!(next, '[' | '{') || opens_tuple(self.cursor.rest()) {
            return self.open();
        }
        if is_quote(next) && self.lacks_brace() {
            self.stack.push(Frame::object(self.cursor.position()));
            return;
        }
        let outermost = self.stack.len() == 1;
        let in_object = matches!(self.stack.iter().rev().nth(1), Some(Frame::Object { .. }));
        let place = match self.stack.last() {
            Some(Frame::Object { bare_keys, .. }) => Place::Member { bare_keys: *bare_keys, outermost },
            _ => Place::Element { in_object, in_tuple: self.in_tuple(), outermost },
        };
        if !is_quote(next) {
            let may_be_text = !matches!(place, Place::Element { outermost: true, .. });
            return match self.read_bare_value(may_be_text) {
                Some(value) => self.attach(value),
                None => self.give_up(),
            };
        }
        match self.read_string(place) {
            Some(key) if matches!(place, Place::Element { in_object: true, .. }) && self.pass_colon() => self.continue_object(key),
            Some(text) => self.attach_joined(text, place),
            None => {}
        }
    }

    /// Whether the next object of a list comes without its brace: `[{"a": 1}, "a": 2}]`.
    fn lacks_brace(&self) -> bool {
        let Some(Frame::List(items)) = self.stack.last() else { return false };
        let may_open = self.stack.len() < MAX_DEPTH && quoted_key_and_colon(self.cursor.rest());
        may_open && read_string(&mut self.cursor.clone(), Place::Key).is_ok_and(|key| begins_another(items, &key))
    }

    /// Attaches a text with the texts that a `+` joins to it.
    fn attach_joined(&mut self, mut text: String, place: Place) {
        while let Some(distance) = joined_string(self.cursor.rest()) {
            self.cursor.jump(self.cursor.position() + distance);
            match self.read_string(place) {
                Some(joined) => text.push_str(&joined),
                None => return,
            }
        }
        self.attach(Value::String(text));
    }

    /// Reads a string. `None`: it has no end, and the open values are dealt with already.
    fn read_string(&mut self, place: Place) -> Option<String> {
        match read_string(&mut self.cursor, place) {
            Ok(text) => return Some(text),
            Err(StringError::Lost) => self.give_up(),
            Err(StringError::Cut) => self.cut_off(),
        }
        None
    }

    fn pass_colon(&mut self) -> bool {
        self.cursor.skip_blank();
        self.cursor.eat(":") || self.cursor.eat("：")
    }

    fn pass_character(&mut self) {
        self.cursor.bump();
    }

    /// The text ends inside the open values.
    fn cut_off(&mut self) {
        self.repaired.truncated = true;
        self.salvage();
    }

    /// A key inside a list: the list was not closed, the key belongs to the object around it.
    fn continue_object(&mut self, name: String) {
        self.close();
        if let Some(Frame::Object { key, .. }) = self.stack.last_mut() {
            *key = Some(name);
        }
    }

    /// A value without quotes, up to the end of the member or line. `None` if there is none or only text, where text is not expected.
    fn read_bare_value(&mut self, may_be_text: bool) -> Option<Value> {
        let rest = self.cursor.rest();
        let in_tuple = self.in_tuple();
        let follows_scalar = |at: usize| is_scalar(rest[..at].trim_end_matches(is_blank));
        let ends_at = |at: usize, c: char| match c {
            ',' | '}' | ']' | '{' | '[' | '\n' | '"' | '`' => true,
            ')' => in_tuple,
            '/' => starts_comment(&rest[at..]),
            '#' => starts_hash_comment(&rest[at..]) && follows_scalar(at),
            // In a text, a fullwidth comma may be one of its own.
            '，' | '；' if follows_scalar(at) => true,
            ';' | '，' | '；' => quoted_key_and_colon(rest[at + c.len_utf8()..].trim_start_matches(is_blank)),
            _ => false,
        };
        let end = rest.char_indices().find(|(at, c)| ends_at(*at, *c)).map_or(rest.len(), |(at, _)| at);
        let word = rest[..end].trim_end_matches(is_blank);
        self.cursor.jump(self.cursor.position() + end);
        match word {
            "" => {
                // A character that begins nothing: pass it, or the reader would stay here forever.
                self.cursor.bump();
                None
            }
            "true" | "True" | "TRUE" => Some(Value::Bool(true)),
            "false" | "False" | "FALSE" => Some(Value::Bool(false)),
            "null" | "None" | "NULL" | "undefined" | "nil" | "NaN" | "nan" | "Infinity" | "-Infinity" | "inf" | "-inf" => Some(Value::Null),
            _ => number(word).map(Value::Number).or_else(|| may_be_text.then(|| Value::String(word.to_owned()))),
        }
    }

    /// Puts a finished value into the innermost open value, or among the results.
    fn attach(&mut self, value: Value) {
        match self.stack.last_mut() {
            None => self.repaired.parts.push(Part::Value(value)),
            Some(Frame::List(items) | Frame::Tuple(items)) => items.push(value),
            Some(Frame::Object { members, key, finished, .. }) => {
                let Some(key) = key.take() else { return };
                if begins_object(members, &key, &value) {
                    finished.push(Value::Object(std::mem::take(members)));
                }
                members.insert(key, value);
            }
        }
    }

    /// A key without a value has the value null.
    fn settle_key(&mut self) {
        if let Some(Frame::Object { members, key, .. }) = self.stack.last_mut()
            && let Some(key) = key.take()
        {
            members.insert(key, Value::Null);
        }
    }

    /// Closes the innermost open value. Several objects in one brace, as the value of a member, become a list.
    fn close(&mut self) {
        let Some(mut frame) = self.stack.pop() else { return };
        let mut values = match &mut frame {
            Frame::List(_) | Frame::Tuple(_) => Vec::new(),
            Frame::Object { finished, .. } => std::mem::take(finished),
        };
        values.push(frame.into_value());
        match self.stack.last() {
            Some(Frame::Object { .. }) if values.len() > 1 => self.attach(Value::Array(values)),
            _ => values.into_iter().for_each(|value| self.attach(value)),
        }
    }

    /// A closing bracket closes what it belongs to, with everything inside that was left open; one that belongs to nothing is passed over.
    fn close_through(&mut self, shape: Shape) {
        self.cursor.bump();
        if let Some(depth) = self.stack.iter().rposition(|frame| frame.shape() == shape) {
            while self.stack.len() > depth {
                self.close();
            }
        }
    }

    /// A closing fence: the model meant to be done, even if brackets are missing.
    fn end_block(&mut self) {
        if self.stack.last().is_some_and(Frame::is_settled) {
            while !self.stack.is_empty() {
                self.close();
            }
        } else {
            self.give_up();
        }
    }

    /// Reports the object that could not be read and keeps what was finished around it.
    fn give_up(&mut self) {
        // A wrapper holds only lists and objects; the outermost object with anything else is the item.
        let item = self.stack.iter().find(|frame| frame.has_scalars()).or(self.stack.last());
        let start = item.and_then(Frame::object_start);
        self.salvage();
        let Some(start) = start else { return };
        // Up to the brace where reading goes on, so that there is something to see of an object that fails at its first character.
        let unread = self.cursor.rest();
        let end = self.cursor.position() + unread.find('{').unwrap_or(unread.len());
        if let Some(source) = self.text.get(start..end) {
            self.repaired.parts.push(Part::Broken(source.trim_end().to_owned()));
        }
    }

    /// Drops every open value and keeps its finished members: the elements of lists, the lists and objects of objects, and whole objects in
    /// the brace of another.
    fn salvage(&mut self) {
        for frame in self.stack.drain(..) {
            match frame {
                Frame::List(items) | Frame::Tuple(items) if items.is_empty() => {}
                Frame::List(items) | Frame::Tuple(items) => self.repaired.parts.push(Part::Value(Value::Array(items))),
                Frame::Object { members, finished, .. } => {
                    let inside = members.into_iter().map(|(_, member)| member).filter(|member| member.is_array() || member.is_object());
                    self.repaired.parts.extend(finished.into_iter().chain(inside).map(Part::Value));
                }
            }
        }
    }
}

/// Whether a word cannot be the beginning of a text.
fn is_scalar(word: &str) -> bool {
    /// Longer ones would be read again at every `#` behind them.
    const LONGEST_NUMBER_BYTES: usize = 32;
    matches!(word, "true" | "True" | "TRUE" | "false" | "False" | "FALSE" | "null" | "None" | "NULL")
        || (word.len() <= LONGEST_NUMBER_BYTES && number(word).is_some())
}

/// A number as JSON, Python or a careless model writes it: `7`, `+7`, `.5`, `5.`, `007`.
fn number(word: &str) -> Option<Number> {
    if !word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return None;
    }
    word.parse::<i64>().ok().map(Number::from).or_else(|| Number::from_f64(word.parse().ok()?))
}
