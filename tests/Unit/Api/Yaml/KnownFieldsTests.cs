using System.Text.Json;
using System.Text.Json.Serialization;
using k8s.Models;
using NativeKubelet.Api.Yaml;

namespace NativeKubelet.Tests.Unit.Api.Yaml;

public sealed partial class KnownFieldsTests
{
    [Fact]
    public void Unknown_fields_are_found_in_lists_and_misspelled_ones_get_a_hint()
    {
        using JsonDocument pod = JsonDocument.Parse("""
            {"kind":"Pod","metadata":{"labels":{"any":"x"}},"spec":{"bogus":1,"containers":[{"name":"a"},{"Image":"b","resources":{"limits":{"cpu":"1"}}}]}}
            """);

        IReadOnlyList<UnknownField> unknown = KnownFields.FindUnknown(pod.RootElement, PodContext.Default.V1Pod);

        Assert.Equal([new("spec.bogus", null), new("spec.containers[1].Image", "image")], unknown);
    }

    [Fact]
    public void A_value_of_the_wrong_kind_is_left_to_the_decoder()
    {
        using JsonDocument pod = JsonDocument.Parse("""{"spec":[{"x":1}],"metadata":"text"}""");

        Assert.Empty(KnownFields.FindUnknown(pod.RootElement, PodContext.Default.V1Pod));
    }

    [JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
    [JsonSerializable(typeof(V1Pod))]
    private sealed partial class PodContext : JsonSerializerContext;
}
