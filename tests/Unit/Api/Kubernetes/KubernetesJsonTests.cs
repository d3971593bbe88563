using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using k8s.Models;
using NativeKubelet.Api.Kubernetes;

namespace NativeKubelet.Tests.Unit.Api.Kubernetes;

public sealed class KubernetesJsonTests
{
    [Fact]
    public void A_pod_with_every_shape_of_value_round_trips_unchanged()
    {
        const string json = """
            {"apiVersion":"v1","kind":"Pod",
             "metadata":{"name":"p","namespace":"n","creationTimestamp":"2026-01-02T03:04:05Z","labels":{"a":"b"},
               "managedFields":[{"manager":"m","fieldsV1":{"f:metadata":{}},"time":"2026-01-02T03:04:05Z"}]},
             "spec":{"hostNetwork":true,"terminationGracePeriodSeconds":5,"restartPolicy":"Never",
               "securityContext":{"supplementalGroups":[1,2],"runAsNonRoot":false},
               "containers":[{"name":"c","image":"i","command":["a"],"env":[{"name":"E","value":"1.10"}],
                 "livenessProbe":{"httpGet":{"port":80,"path":"/"}},"readinessProbe":{"tcpSocket":{"port":"web"}},
                 "resources":{"limits":{"cpu":"100m","memory":"64Mi"}},
                 "ports":[{"containerPort":80,"hostPort":8080,"protocol":"TCP"}],
                 "volumeMounts":[{"name":"v","mountPath":"/v","readOnly":true}]}],
               "volumes":[{"name":"v","emptyDir":{"sizeLimit":"1Gi"}}]}}
            """;

        V1Pod pod = KubernetesJson.Read<V1Pod>(Encoding.UTF8.GetBytes(json))!;
        JsonNode again = JsonNode.Parse(KubernetesJson.Write(pod))!;

        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(json), again), again.ToJsonString());
    }

    [Fact]
    public void Nulls_are_read_as_not_set_and_never_written()
    {
        V1Pod pod = Read("""{"metadata":{"name":"p","creationTimestamp":null},"spec":{"containers":[],"hostNetwork":null},"status":{}}""");

        Assert.Null(pod.Metadata.CreationTimestamp);
        Assert.DoesNotContain("null", Encoding.UTF8.GetString(KubernetesJson.Write(pod)), StringComparison.Ordinal);
    }

    [Fact]
    public void Secret_data_is_base64_on_the_wire()
    {
        V1Secret secret = KubernetesJson.Read<V1Secret>("""{"data":{"k":"aGVsbG8="}}"""u8)!;

        Assert.Equal("hello"u8.ToArray(), secret.Data["k"]);
        Assert.Contains("aGVsbG8=", Encoding.UTF8.GetString(KubernetesJson.Write(secret)), StringComparison.Ordinal);
    }

    [Fact]
    public void Lease_and_event_times_keep_six_digits_and_other_times_none()
    {
        var whole = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc);
        string lease = Encoding.UTF8.GetString(KubernetesJson.Write(new V1Lease { Spec = new V1LeaseSpec { RenewTime = whole } }));
        string evented = Encoding.UTF8.GetString(KubernetesJson.Write(new Corev1Event { EventTime = whole.AddTicks(12345670), LastTimestamp = whole.AddTicks(1) }));

        Assert.Contains("\"renewTime\":\"2026-01-02T03:04:05.000000Z\"", lease, StringComparison.Ordinal);
        Assert.Contains("\"eventTime\":\"2026-01-02T03:04:06.234567Z\"", evented, StringComparison.Ordinal);
        Assert.Contains("\"lastTimestamp\":\"2026-01-02T03:04:05Z\"", evented, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("2026-01-02T03:04:05+02:00", 1)]
    [InlineData("2026-01-02T03:04:05.999999999Z", 3)]
    public void Times_with_offset_or_fraction_become_utc(string text, int hour)
    {
        V1Pod pod = Read("{\"metadata\":{\"creationTimestamp\":\"" + text + "\"}}");

        Assert.Equal((DateTimeKind.Utc, hour), (pod.Metadata.CreationTimestamp!.Value.Kind, pod.Metadata.CreationTimestamp.Value.Hour));
    }

    [Theory]
    [InlineData("\"2026-01-02\"")]
    [InlineData("\"2026-01-02T03:04:05\"")]
    [InlineData("\"yesterday\"")]
    [InlineData("5")]
    public void What_is_no_moment_is_refused(string value) =>
        Assert.Throws<JsonException>(() => Read("{\"metadata\":{\"creationTimestamp\":" + value + "}}"));

    [Fact]
    public void A_wrong_type_names_its_place()
    {
        JsonException e = Assert.Throws<JsonException>(() => Read("""{"spec":{"containers":[{"name":"c","args":["a",5]}]}}"""));

        Assert.Equal("$.spec.containers[0].args[1]", e.Path);
    }

    [Theory]
    [InlineData("100m", "0.1")]
    [InlineData("1.5Gi", "1610612736")]
    [InlineData("1e3", "1000")]
    [InlineData("1E", "1000000000000000000")]
    [InlineData("5.", "5")]
    [InlineData(".5", "0.5")]
    [InlineData("+5", "5")]
    [InlineData("100n", "0.0000001")]
    [InlineData("100Ei", "9223372036854775807")]
    public void Quantities_are_read(string text, string value)
    {
        Assert.True(QuantityText.TryParse(text, out ResourceQuantity? quantity, out _));
        Assert.Equal(decimal.Parse(value), quantity.ToDecimal());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("abc")]
    [InlineData("1 Gi")]
    [InlineData("1/2")]
    [InlineData("1,000")]
    [InlineData("0x10")]
    [InlineData("1.2.3")]
    [InlineData("-")]
    [InlineData(".")]
    [InlineData("1e30000")]
    [InlineData("1e-30000")]
    [InlineData("10e18")]
    [InlineData("9Ei9")]
    [InlineData("9999999999999999999999999999999999999")]
    [InlineData("1e+-3")]
    public void What_is_no_quantity_is_refused_at_once(string? text)
    {
        long start = Stopwatch.GetTimestamp();

        Assert.False(QuantityText.TryParse(text, out _, out string error));
        Assert.NotEmpty(error);
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(1));
    }

    [Fact]
    public void A_negative_quantity_is_written_as_it_is()
    {
        Assert.True(QuantityText.TryParse("-3", out ResourceQuantity? quantity, out _));
        Assert.Equal("-3", QuantityText.Format(quantity));
    }

    [Fact]
    public void A_number_is_a_quantity_too() =>
        Assert.Equal(2m, Read("""{"spec":{"containers":[{"name":"c","resources":{"limits":{"cpu":2}}}]}}""").Spec.Containers[0].Resources.Limits["cpu"].ToDecimal());

    private static V1Pod Read(string json) => KubernetesJson.Read<V1Pod>(Encoding.UTF8.GetBytes(json))!;
}
