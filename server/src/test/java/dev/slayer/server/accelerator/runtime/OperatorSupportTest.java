package dev.slayer.server.accelerator.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class OperatorSupportTest {
    @Test
    void versionsDifferAsTheReleasesDo() {
        OperatorSupport old = of("1.24.1");
        OperatorSupport middle = of("1.29.0");
        OperatorSupport recent = of("1.30.0");
        assertThat(old.metadataElements()).isZero();
        assertThat(middle.metadataElements()).isEqualTo(2);
        assertThat(recent.metadataElements()).isEqualTo(3);
        assertThat(old.byteCache()).isFalse();
        assertThat(middle.byteCache()).isTrue();
        assertThat(middle.int4Cache()).isFalse();
        assertThat(middle.capturableDecode()).isFalse();
        assertThat(recent.int4Cache()).isTrue();
        assertThat(recent.capturableDecode()).isTrue();
        assertThat(of("1.28.0").anyPageSize()).isFalse();
        assertThat(middle.anyPageSize()).isTrue();
        assertThat(old.maxSequences()).isEqualTo(256);
        assertThat(middle.maxSequences()).isGreaterThan(1 << 20);
        assertThat(old.maxKvNumbers()).isEqualTo((1L << 31) - 1);
        assertThat(middle.maxKvNumbers()).isEqualTo(Long.MAX_VALUE);
        assertThat(of("1.28.1")).isEqualTo(old);
        assertThat(of("1.30.1")).isEqualTo(recent);
        assertThat(recent.cudnnDecode()).isFalse();
        assertThat(of("1.31.1").cudnnDecode()).isTrue();
        assertThat(of("2.0")).isEqualTo(of("1.31.1"));
    }

    @Test
    void namesSayWhatThereIs() {
        assertThat(of("1.24.1").names()).containsExactly("paged_attention", "group_query_attention");
        assertThat(of("1.30.0").names())
                .containsExactly(
                        "paged_attention",
                        "group_query_attention",
                        "attention_metadata",
                        "paged_decode_graphs",
                        "kv_int8",
                        "kv_fp8",
                        "kv_int4",
                        "kv_pages_of_16");
        assertThat(of("1.31.1").names()).contains("paged_decode_cudnn").hasSize(9);
    }

    @Test
    void versionsAreFoundInNamesAndOrdered() {
        assertThat(LibraryVersion.in("VERS_1.29.0")).contains(new LibraryVersion(1, 29, 0));
        assertThat(LibraryVersion.in("libonnxruntime.so.1.30.1")).contains(new LibraryVersion(1, 30, 1));
        assertThat(LibraryVersion.in("libonnxruntime.so.1")).isEmpty();
        assertThat(new LibraryVersion(1, 9, 0)).isLessThan(new LibraryVersion(1, 24, 0));
        assertThat(new LibraryVersion(1, 29, 0)).hasToString("1.29.0");
    }

    private static OperatorSupport of(String version) {
        return OperatorSupport.of(LibraryVersion.in(version).orElseThrow());
    }
}
