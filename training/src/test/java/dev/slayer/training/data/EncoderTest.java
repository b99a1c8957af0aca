package dev.slayer.training.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class EncoderTest {
    private static final Document CHAT = new Document.Chat(List.of(
            Message.system("s"),
            Message.user("u"),
            Message.assistant("first"),
            Message.user("v"),
            Message.assistant("second")));

    private static DataOptions.Learning learning(DataOptions.Learning.Style style, boolean answersOnly, boolean bos) {
        return new DataOptions.Learning(style, answersOnly, bos);
    }

    /** The whole text, and the learned part with {@code .} for what is not learned. */
    private static String[] encoded(Document document, DataOptions.Learning learning) throws BadRow {
        Example example = new Encoder(new ByteCodec(true), learning).encode(document);
        String text = ByteCodec.text(example.tokens());
        StringBuilder learned = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            learned.append(example.learned()[i] ? text.charAt(i) : '.');
        }
        return new String[] {text, learned.toString()};
    }

    @Test
    void aTextIsLearnedWhole() throws BadRow {
        assertThat(encoded(new Document.Text("abc"), learning(DataOptions.Learning.Style.TEMPLATE, true, true)))
                .containsExactly("^abc$", "^abc$".replace('^', '.'));
        assertThat(encoded(new Document.Text("abc"), learning(DataOptions.Learning.Style.TEMPLATE, true, false)))
                .containsExactly("abc$", "abc$");
    }

    @Test
    void ofPromptAndCompletionTheCompletionIsLearned() throws BadRow {
        Document row = new Document.Completion("ask ", "answer");
        assertThat(encoded(row, learning(DataOptions.Learning.Style.TEMPLATE, true, true)))
                .containsExactly("^ask answer$", ".....answer$");
        assertThat(encoded(row, learning(DataOptions.Learning.Style.TEMPLATE, false, true))[1])
                .isEqualTo(".ask answer$");
    }

    @Test
    void ofAConversationTheAssistantsTurnsAreLearnedToTheirEnd() throws BadRow {
        assertThat(encoded(CHAT, learning(DataOptions.Learning.Style.TEMPLATE, true, true)))
                .containsExactly(
                        "<system>s|<user>u|<assistant>first|<user>v|<assistant>second|",
                        ".".repeat("<system>s|<user>u|<assistant>".length())
                                + "first|"
                                + ".".repeat("<user>v|<assistant>".length())
                                + "second|");
        assertThat(encoded(CHAT, learning(DataOptions.Learning.Style.TEMPLATE, false, true))[1])
                .doesNotContain(".");
    }

    @Test
    void aTurnOfWeightZeroIsReadButNotLearned() throws BadRow {
        Document row = new Document.Chat(List.of(
                Message.user("u"), new Message("assistant", "no", false), Message.user("v"), Message.assistant("yes")));
        assertThat(encoded(row, learning(DataOptions.Learning.Style.TEMPLATE, true, true)))
                .containsExactly(
                        "<user>u|<assistant>no|<user>v|<assistant>yes|",
                        ".........................................yes|");
    }

    @Test
    void thePlainStyleWritesHeadings() throws BadRow {
        assertThat(encoded(CHAT, learning(DataOptions.Learning.Style.PLAIN, true, true)))
                .containsExactly(
                        "^### System:\ns\n\n### Instruction:\nu\n\n### Response:\nfirst$### Instruction:\nv\n\n### Response:\nsecond$",
                        "^### System:\ns\n\n### Instruction:\nu\n\n### Response:\n".replaceAll("(?s).", ".") + "first$"
                                + "### Instruction:\nv\n\n### Response:\n".replaceAll("(?s).", ".") + "second$");
    }

    @Test
    void whatTheTemplateRefusesIsABadRow() {
        Document row = new Document.Chat(List.of(Message.assistant("I begin")));
        assertThatThrownBy(() -> encoded(row, learning(DataOptions.Learning.Style.TEMPLATE, true, true)))
                .isInstanceOf(BadRow.class)
                .hasMessage("is refused by the chat template: a user must begin");
    }

    @Test
    void aTemplateThatChangesEarlierTurnsIsABadRowAndNotAWrongMask() {
        TextCodec codec = new Forgetful();
        Encoder encoder = new Encoder(codec, learning(DataOptions.Learning.Style.TEMPLATE, true, true));
        assertThatThrownBy(() -> encoder.encode(CHAT))
                .isInstanceOf(BadRow.class)
                .hasMessageContaining("the end of message 3 cannot be told");
    }

    /** Writes only the number of earlier messages. */
    private static final class Forgetful implements TextCodec {
        private final ByteCodec bytes = new ByteCodec(true);

        @Override
        public String identity() {
            return "forgetful";
        }

        @Override
        public int[] encode(String text) {
            return bytes.encode(text);
        }

        @Override
        public java.util.OptionalInt bos() {
            return bytes.bos();
        }

        @Override
        public java.util.OptionalInt eos() {
            return bytes.eos();
        }

        @Override
        public boolean hasChatTemplate() {
            return true;
        }

        @Override
        public String render(List<Message> messages, boolean open) {
            return messages.size() + messages.getLast().content() + open;
        }
    }
}
