package dev.slayer.training.data;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * One row of a file.
 *
 * @param number line of the file where it begins, or row of a Parquet file, from 1
 * @param value its fields, or null if it is bad
 * @param fault why it is bad, or null
 */
record Row(long number, JsonNode value, String fault) {
    static Row good(long number, JsonNode value) {
        return new Row(number, value, null);
    }

    static Row bad(long number, String fault) {
        return new Row(number, null, fault);
    }
}
