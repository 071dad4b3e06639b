//! The companion of generic-sql for ODBC: what links to the driver manager. The plugin opens it when
//! the first connector wants ODBC, so that the plugin itself loads without a driver manager.
//!
//! It knows no tables and no dialects. It connects, runs statements and hands rows over, in the
//! words of `words.rs`.

mod catalog;
mod connection;
mod fetch;
mod page;
mod parameters;
mod procedure;
mod words;

use connection::Connected;
use ecma_plugin_sdk::{Companion, Error, ErrorKind, Result, export_companion};
use words::{Answer, Request, Trouble, VERSION};

/// A session: nothing at first, then a connection.
pub struct Odbc(Option<Connected>);

impl Companion for Odbc {
    fn open(words: &[u8]) -> Result<Odbc> {
        match rmp_serde::from_slice::<u32>(words) {
            Ok(VERSION) => Ok(Odbc(None)),
            _ => {
                let text = "the ODBC library beside the plugin is of another version; take both \
                            from one release";
                Err(Error::new(ErrorKind::Config, text))
            }
        }
    }

    fn call(&mut self, request: &[u8], page: &mut dyn FnMut(&[u8]) -> bool) -> Vec<u8> {
        let answer = match rmp_serde::from_slice(request) {
            Ok(request) => self.answer(request, page),
            Err(error) => Err(Trouble::ours(format!("the request was not understood: {error}"))),
        };
        rmp_serde::to_vec_named(&answer).expect("the vocabulary always encodes")
    }
}

impl Odbc {
    fn answer(
        &mut self,
        request: Request,
        page: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<Answer, Trouble> {
        if let Request::Connect { connection_string, seconds, statement_seconds } = request {
            let connected = Connected::open(&connection_string, seconds, statement_seconds)?;
            let name = connected.system.clone();
            self.0 = Some(connected);
            return Ok(Answer::Connected(name));
        }
        let Some(connected) = &mut self.0 else {
            return Err(Trouble::ours("there is no connection yet".to_owned()));
        };
        match request {
            Request::Connect { .. } => {}
            Request::Ping(sql) => connected.ping(sql.as_deref())?,
            Request::Forget => connected.forget(),
            Request::Query { sql, parameters } => connected.query(&sql, &parameters, page)?,
            Request::Execute { sql, parameters } => {
                return Ok(Answer::Rows(connected.execute(&sql, &parameters)?));
            }
            Request::Run(sql) => connected.run(&sql)?,
            Request::Columns(sql) => return Ok(Answer::Columns(connected.columns(&sql)?)),
            Request::Call { sql, arguments } => {
                return Ok(Answer::Arguments(connected.call(&sql, arguments, page)?));
            }
            Request::Catalog(catalog) => connected.catalog(&catalog, page)?,
            Request::Begin => connected.begin()?,
            Request::Commit => connected.commit()?,
            Request::Rollback => connected.rollback()?,
        }
        Ok(Answer::Done)
    }
}

export_companion!(Odbc);
