//! Statements for programs that use another driver.

use soiree_core::store::NewRecord;

use crate::rows::Columns;
use crate::sql::Sql;

/// An SQL statement and its values, for any driver of SQLite.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The statement, with `?` for each value.
    pub sql: String,
    /// The values, in order.
    pub values: Vec<SqlValue>,
}

/// A value of a [`Statement`].
#[derive(Debug, Clone, PartialEq)]
pub enum SqlValue {
    /// NULL.
    Null,
    /// An integer.
    Integer(i64),
    /// A text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Statement {
    pub(crate) fn insert(sql: &Sql, record: &NewRecord) -> Self {
        let columns = Columns::of(record);
        Self {
            sql: sql.insert_event.to_string(),
            values: vec![
                SqlValue::Blob(columns.id.to_vec()),
                SqlValue::Text(record.topic.to_string()),
                SqlValue::Text(record.codec.to_string()),
                SqlValue::Integer(record.emitted_at.0),
                SqlValue::Integer(columns.crc),
                columns.properties.map_or(SqlValue::Null, SqlValue::Text),
                SqlValue::Blob(record.payload.clone()),
            ],
        }
    }
}
