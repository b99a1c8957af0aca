package dev.slayer.training.data;

import java.util.List;

/** What one row says. */
sealed interface Document {
    /** A text, learned from end to end. */
    record Text(String text) implements Document {}

    /** A text of which only the continuation is learned. */
    record Completion(String prompt, String completion) implements Document {}

    /** A conversation, of which the messages marked so are learned. */
    record Chat(List<Message> messages) implements Document {}

    /** A number that equal documents share, evenly spread: it puts a document on one side of the validation split. */
    default long hash() {
        return switch (this) {
            case Text text -> Draws.hash(1, text.text());
            case Completion row -> Draws.hash(Draws.hash(2, row.prompt()), row.completion());
            case Chat chat -> {
                long hash = 3;
                for (Message message : chat.messages()) {
                    hash = Draws.hash(Draws.hash(hash, message.role()), message.content());
                }
                yield hash;
            }
        };
    }

    /** Characters, which stand for the memory that the document takes. */
    default long size() {
        return switch (this) {
            case Text text -> text.text().length();
            case Completion row ->
                (long) row.prompt().length() + row.completion().length();
            case Chat chat ->
                chat.messages().stream()
                        .mapToLong(message -> message.content().length())
                        .sum();
        };
    }
}
