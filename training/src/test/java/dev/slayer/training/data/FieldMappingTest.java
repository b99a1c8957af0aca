package dev.slayer.training.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FieldMappingTest {
    private static JsonNode json(String text) throws Exception {
        return new ObjectMapper().readTree(text.replace('\'', '"'));
    }

    private static Document document(String row) throws Exception {
        JsonNode json = json(row);
        return FieldMapping.document(FieldMapping.detect(json).orElseThrow(), json)
                .orElseThrow();
    }

    private static Document chat(Message... messages) {
        return new Document.Chat(List.of(messages));
    }

    @Test
    void textIsAText() throws Exception {
        assertThat(document("{'text':'abc','meta':{}}")).isEqualTo(new Document.Text("abc"));
        assertThat(FieldMapping.document(RowFormat.TEXT, json("{'text':' \\n'}")))
                .isEmpty();
    }

    @Test
    void promptAndCompletionStayOneTextInTwoParts() throws Exception {
        assertThat(document("{'prompt':'1+1=','completion':'2'}")).isEqualTo(new Document.Completion("1+1=", "2"));
    }

    @Test
    void alpacaIsAQuestionWithItsInputAndAnAnswer() throws Exception {
        assertThat(document("{'instruction':'Sort','input':'2 1','output':'1 2'}"))
                .isEqualTo(chat(Message.user("Sort\n\n2 1"), Message.assistant("1 2")));
        assertThat(document("{'instruction':'Sort 2 1','input':'','output':'1 2'}"))
                .isEqualTo(document("{'instruction':'Sort 2 1','output':'1 2'}"))
                .isEqualTo(chat(Message.user("Sort 2 1"), Message.assistant("1 2")));
        assertThat(document("{'system':'Be kind','instruction':'Sort','output':'1'}"))
                .isEqualTo(chat(Message.system("Be kind"), Message.user("Sort"), Message.assistant("1")));
    }

    @Test
    void queryAndResponseAreAQuestionAndAnAnswer() throws Exception {
        assertThat(document("{'query':'2+2?','response':'4','type':'GSM_Rephrased','original_question':'?'}"))
                .isEqualTo(chat(Message.user("2+2?"), Message.assistant("4")));
        assertThat(document("{'id':'flan.1','system_prompt':'Think','question':'2+2?','response':'4'}"))
                .isEqualTo(chat(Message.system("Think"), Message.user("2+2?"), Message.assistant("4")));
    }

    @Test
    void conversationsAreMessagesUnderOtherNames() throws Exception {
        Document messages = document(
                "{'messages':[{'role':'system','content':'s'},{'role':'user','content':'u'},{'role':'assistant','content':'a'}]}");
        assertThat(document("{'conversations':[{'from':'system','value':'s','weight':null},"
                        + "{'from':'human','value':'u','weight':0},{'from':'gpt','value':'a','weight':1.0}]}"))
                .isEqualTo(messages)
                .isEqualTo(chat(Message.system("s"), Message.user("u"), Message.assistant("a")));
    }

    @Test
    void anAnswerOfWeightZeroIsNotLearned() throws Exception {
        assertThat(document("{'messages':[{'role':'user','content':'u'},{'role':'assistant','content':'a','weight':0},"
                        + "{'role':'user','content':[{'type':'text','text':'v'},{'type':'text','text':'w'}]},"
                        + "{'role':'assistant','content':'b'}]}"))
                .isEqualTo(chat(
                        Message.user("u"),
                        new Message("assistant", "a", false),
                        Message.user("vw"),
                        Message.assistant("b")));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "text | {'text':5} | has 'text' of type number, not text",
                "text | {'content':'a'} | has no 'text'",
                "text | {'text':null} | has no 'text'",
                "prompt-completion | {'prompt':'a','completion':' '} | has an empty 'completion'",
                "alpaca | {'instruction':'','input':'','output':'a'} | has an empty question",
                "query-response | {'query':'a'} | has no 'response'",
                "messages | {'messages':[]} | has no assistant's answer to learn in 'messages'",
                "messages | {'messages':[{'role':'user','content':'a'}]} | has no assistant's answer to learn in 'messages'",
                "messages | {'messages':[{'role':'assistant','content':null}]} | has no 'content'",
                "messages | {'messages':[{'role':'tool','content':'a'}]} | has a turn by 'tool'; known are system, user and assistant",
                "messages | {'messages':['a']} | has no 'role'",
                "messages | {'messages':{}} | has no list 'messages'",
                "messages | {'messages':[{'role':'user','content':[{'type':'image_url'}]}]} | has a part of 'content' that is no text",
                "conversations | {'conversations':[{'from':'gpt','value':'a','weight':2}]} | has weight 2; known are 0 and 1",
            })
    void aRowThatDoesNotFitHasAReason(String format, String row, String reason) {
        assertThatThrownBy(() -> FieldMapping.document(RowFormat.of(format), json(row)))
                .isInstanceOf(BadRow.class)
                .hasMessage(reason);
    }
}
