using System.Text.Json;
using System.Text.Json.Serialization;
using k8s.Models;

namespace NativeKubelet.Api.Kubernetes;

/// <summary>resource.Quantity as string or number.</summary>
internal sealed class QuantityConverter : JsonConverter<ResourceQuantity>
{
    public override ResourceQuantity? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        string? text = reader.TokenType switch
        {
            JsonTokenType.String => reader.GetString(),
            JsonTokenType.Number => System.Text.Encoding.ASCII.GetString(reader.HasValueSequence ? [] : reader.ValueSpan),
            _ => null,
        };
        return QuantityText.TryParse(text, out ResourceQuantity? quantity, out string error) ? quantity : throw new JsonException(error);
    }

    public override void Write(Utf8JsonWriter writer, ResourceQuantity value, JsonSerializerOptions options) =>
        writer.WriteStringValue(QuantityText.Format(value));
}
