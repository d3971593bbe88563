using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using k8s.Models;

namespace NativeKubelet.Api.Kubernetes;

/// <summary>A 32-bit number or a name, as for ports. The model keeps text only, so what reads as a number is written as one.</summary>
internal sealed class IntOrStringConverter : JsonConverter<IntOrString>
{
    public override IntOrString? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType switch
    {
        JsonTokenType.Null => null,
        JsonTokenType.String => (IntOrString)reader.GetString()!,
        JsonTokenType.Number when reader.TryGetInt32(out int number) => (IntOrString)number,
        _ => throw new JsonException("must be a whole number of 32 bits or a string"),
    };

    public override void Write(Utf8JsonWriter writer, IntOrString value, JsonSerializerOptions options)
    {
        if (int.TryParse(value.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number)) writer.WriteNumberValue(number);
        else writer.WriteStringValue(value.Value);
    }
}
