package dev.slayer.surgery.layout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.ModelConfig;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LayoutParserTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                // lists and ranges
                "0-7,avg(7:8),8-29,avg(30:31) | 0-7,avg(7:8),8-29,avg(30:31)",
                "0,1,2 | 0-2",
                "0-3+4-7 9 | 0-7,9",
                " 0-3 ,  4 + 5  6 | 0-6",
                "5,5 | 5,5",
                "007 | 7",
                "7-7 | 7",
                "3,2,1 | 3,2,1",
                // gates
                "5-attn | 5-attn",
                "5-mlp*0.50 | 5-mlp*0.5",
                "5*0.5-mlp | 5-mlp*0.5",
                "5*1.0 | 5",
                "5*-0.25 | 5*-0.25",
                "5*0 | 5-attn-mlp",
                "5-mlp-attn*3 | 5-attn-mlp",
                "5-7*0.5 | 5-7*0.5",
                "5*0.5,6*0.5,7 | 5-6*0.5,7",
                "5-7-attn,8-attn | 5-8-attn",
                "avg(7:8)-mlp | avg(7:8)-mlp",
                // sums of layers
                "avg(8:7) | avg(7:8)",
                "avg(7:7) | 7",
                "avg(7:8:7:8) | avg(7:8)",
                "avg(7:8:8:8) | lerp(7:8:0.75)",
                "avg(7:8:8) | avg(7:8:8)",
                "avg(7:7:8:9) | linear(7*0.5:8*0.25:9*0.25)",
                "avg( 7 : 8 ) | avg(7:8)",
                "lerp(7:8:0.5) | avg(7:8)",
                "lerp(7:8:0) | 7",
                "lerp(7:8:1.000) | 8",
                "lerp(8:7:0.3) | lerp(7:8:0.7)",
                "lerp(7:7:0.3) | 7",
                "linear(8*0.3:7*0.7) | lerp(7:8:0.3)",
                "linear(7*0.5:8*0.5) | avg(7:8)",
                "linear(7*0.25:7*0.75) | 7",
                "linear(7*0.6:other:7*0.6) | linear(7*0.6:other:7*0.6)",
                "linear(7*1.5:8*-0.5) | linear(7*1.5:8*-0.5)",
                "linear(7*0.5) | linear(7*0.5)",
                "linear(7:8*0) | 7",
                // silent ones
                "zero(7) | zero(7)",
                "avg0(7:7) | zero(7)",
                "avg0(8:7) | avg0(7:8)",
                // merges
                "slerp(8:7:0.3) | slerp(7:8:0.7)",
                "slerp(7:8:0.5) | slerp(7:8:0.5)",
                "slerp(7:8:0) | 7",
                "slerp(7:7:0.4) | 7",
                "task(7:other:7*0.5:math:7) | task(7:math:7:other:7*0.5)",
                "task(7:math:7*0.5:math:7*0.25) | task(7:math:7*0.75)",
                "task(7:7:math:7*0) | 7",
                "ties(7:other:7*0.5~0.2:math:7*0.5~0.20) | ties(7:math:7*0.5~0.2:other:7*0.5~0.2)",
                "ties(7:7) | 7",
                "dare(7:other:7*0.5~0.2:math:7~0.3:seed042) | dare(7:other:7*0.5~0.2:math:7~0.3:seed42)",
                "dare(7:math:7~1.0:other:7:seed3) | task(7:math:7:other:7)",
                // other checkpoints
                "other:3-7 | other:3-7",
                "other:3,other:4,5 | other:3-4,5",
                "other:3,4 | other:3,4",
                "org/code-7b.v1:9*0.5 | org/code-7b.v1:9*0.5",
                "avg(other:7:7) | avg(7:other:7)",
                "llama:3-5,avg(7:llama:8) | 3-5,avg(7:8)",
                // embedding, final norm and head
                "0-31,head(math) | 0-31,head(math)",
                "0-31 head(math) + embedding( other ),norm(math) | 0-31,embedding(other),norm(math),head(math)",
                "0-31,head(llama),norm(math) | 0-31,norm(math)",
                "0-31,head(short) | 0-31,head(short)",
            })
    void twoWaysToSayOneLayoutGiveOneText(String text, String canonical) {
        assertThat(Shapes.canonical(text)).isEqualTo(canonical);
        assertThat(Layout.parse(canonical, Shapes.LLAMA_2_7B, Shapes.NAMES))
                .isEqualTo(Layout.parse(text, Shapes.LLAMA_2_7B, Shapes.NAMES));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "0-7,avg(7:99) | layers=0-7,avg(7:99): layer 99 does not exist, this checkpoint has 0-31 (character 11)",
                "0-99 | layers=0-99: layer 99 does not exist, this checkpoint has 0-31 (character 3)",
                "99999999999999999999 | layer 99999999999999999999 does not exist",
                "0-2147483647 | layer 2147483647 does not exist",
                "short:0-5 | layer 5 does not exist, checkpoint 'short' has 0-3",
                "0-7,,9 | an item of the list is empty",
                ",0 | expected a slot",
                "0, | an item of the list is empty",
                "7-3 | the range 7-3 runs backwards; write its layers one by one, or 3-7",
                "7- | expected a gate: -attn, -mlp, or a scale such as *0.5",
                "7-attn-attn | this gate is given twice",
                "7*0.5*0.5 | this gate is given twice",
                "7 -attn | expected a slot",
                "7*.5 | expected a scale such as 0.5",
                "7*1e5 | expected ',' or the end",
                "7*101 | scale is 101, but must be a decimal from -100 to 100 with at most 9 digits after the point",
                "7*0.1234567891 | with at most 9 digits after the point",
                "lerp(7:8:1.5) | t is 1.5, but must be a decimal from 0 to 1",
                "mean(7:8) | there is no recipe mean(...); there are avg, zero, avg0, lerp, slerp, linear, task, ties and dare",
                "avg(7) | expected ':' and more inside avg(...)",
                "avg(7:8 | expected ')' at the end of avg(...), but the text ends",
                "avg(avg(7:8):9) | expected ':' and a layer after the checkpoint's name",
                "linear(7*0) | add up to 0",
                "linear(7*60:7*60) | weight is 120",
                "ties(7:math:7~0) | density is 0",
                "task(7:math:7~0.5) | expected ')'",
                "dare(7:math:7~0.5) | expected ':' and another layer, or the seed of dare(...)",
                "nobody:7 | there is no checkpoint 'nobody'",
                "narrow:7 | its hidden_size is 2048, this checkpoint's is 4096",
                "other | expected a slot",
                "0-31,head(nobody) | there is no checkpoint 'nobody'; load it, or leave head(...) out (character 11)",
                "0-31,head(narrow) | the head of checkpoint 'narrow' does not fit: its hidden_size is 2048",
                "0-31,norm(narrow) | the norm of checkpoint 'narrow' does not fit: its hidden_size is 2048",
                "0-31,head(math),head(math) | head(...) is given twice",
                "0-30,head(math),31 | a slot stands behind embedding(...), norm(...) or head(...); these come last",
                "head(math) | there is no slot; write the layers before embedding(...), norm(...) or head(...)",
                "0-31,head() | expected the name of a checkpoint, such as head(other)",
                "0-31,head(7) | expected the name of a checkpoint",
                "0-31,head(math:7) | expected ')' at the end of head(...)",
                "0-31,head(math)*0.5 | expected ',' or the end",
                "0-31,tail(math) | and behind the slots embedding, norm and head",
            })
    void aMistakeIsABadRequestThatShowsThePlaceAndTheRemedy(String text, String part) {
        assertThatThrownBy(() -> Shapes.canonical(text))
                .isInstanceOfSatisfying(SlayerException.class, e -> {
                    assertThat(e.status()).isEqualTo(400);
                    assertThat(e.param()).isEqualTo("layers");
                })
                .hasMessageContaining(part);
    }

    @Test
    void aTiedHeadGoesWithItsEmbedding() {
        ModelConfig tied = Shapes.withTiedHead(Shapes.LLAMA_2_7B);
        Layout layout = Layout.parse("0-31,embedding(math)", tied, Shapes.NAMES);
        assertThat(layout.ends().headOf(tied)).isEqualTo("math");
        assertThat(layout.ends().headOf(Shapes.LLAMA_2_7B)).isEmpty();
        assertThatThrownBy(() -> Layout.parse("0-31,head(math)", tied, Shapes.NAMES))
                .hasMessageContaining("this checkpoint's head is its embedding (tie_word_embeddings)")
                .hasMessageContaining("write embedding(math), which changes both");
    }

    @Test
    void aLayoutNamesEveryCheckpointThatItTakesFrom() {
        assertThat(Layout.parse("0-3,avg(7:other:8),head(math)", Shapes.LLAMA_2_7B, Shapes.NAMES)
                        .checkpoints())
                .containsExactly("math", "other");
    }

    @Test
    void anEmptyTextIsRefused() {
        assertThatThrownBy(() -> Shapes.canonical(" ")).hasMessage("layers= is empty; leave it out or give it a value");
    }

    @Test
    void aLayoutOfTooManySlotsOrCharactersIsRefusedByALimitThatIsNamed() {
        assertThat(Shapes.canonical("0,".repeat(1023) + "0")).hasSize(2047);
        assertThatThrownBy(() -> Shapes.canonical("0,".repeat(5000) + "0"))
                .hasMessageContaining("exceeds 1024 slots")
                .hasMessageContaining("layers=...");
        assertThatThrownBy(() -> Shapes.canonical("0-31 ".repeat(5000) + "0")).hasMessageContaining("1024 slots");
        assertThatThrownBy(() -> Shapes.canonical("0,".repeat(50_000)))
                .hasMessageContaining("100000 characters, but may have at most 32768");
        assertThatThrownBy(() -> Shapes.canonical("avg(" + "7:".repeat(100) + "8)"))
                .hasMessageContaining("a recipe takes at most 64 layers");
    }

    @ParameterizedTest
    @ValueSource(strings = {"0\u0000", "0\n1", "0\u001b[31m", "0\u202e1", "\ud83d\ude00", "0\u00e9"})
    void whatATerminalWouldObeyIsNotRepeated(String text) {
        assertThatThrownBy(() -> Shapes.canonical(text))
                .satisfies(e -> assertThat(e.getMessage()).matches("[ -~]+"));
    }

    @Test
    void aCheckpointThatIsNotThereIsNotTakenForTheBase() {
        assertThatThrownBy(() -> Layout.parse("llama:7", Shapes.LLAMA_2_7B, Namespace.BASE_ONLY))
                .hasMessageContaining("there is no checkpoint 'llama'");
        assertThat(Namespace.BASE_ONLY.baseName()).isEqualTo(Optional.empty());
    }
}
