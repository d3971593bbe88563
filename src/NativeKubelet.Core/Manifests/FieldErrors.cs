using System.Collections;
using System.Globalization;

namespace NativeKubelet.Core.Manifests;

/// <summary>Collects what is wrong, in the words of API validation. Nothing stops at the first.</summary>
internal sealed class FieldErrors : IEnumerable<(string Field, string Message)>
{
    private readonly List<(string, string)> _all = [];

    public void Required(string field, string detail = "") => _all.Add((field, detail.Length == 0 ? "Required value" : $"Required value: {detail}"));

    public void Invalid(string field, string value, string? detail)
    {
        // Null detail: the rule was kept. Long values are cut, as a whole file may stand where a name belongs.
        if (detail is not null) _all.Add((field, $"Invalid value: \"{(value.Length > 80 ? value[..80] + "…" : value)}\": {detail}"));
    }

    public void Invalid(string field, long value, string detail) =>
        _all.Add((field, string.Create(CultureInfo.InvariantCulture, $"Invalid value: {value}: {detail}")));

    public void Add(string field, string message) => _all.Add((field, message));

    public void Forbidden(string field, string detail) => _all.Add((field, $"Forbidden: {detail}"));

    public void Duplicate(string field, string value) => _all.Add((field, $"Duplicate value: \"{value}\""));

    public void OneOf(string field, string? value, params ReadOnlySpan<string> allowed)
    {
        if (!allowed.Contains(value ?? "")) _all.Add((field, $"Unsupported value: \"{value}\": supported values: {string.Join(", ", allowed.ToArray().Select(a => $"\"{a}\""))}"));
    }

    public void Range(string field, long? value, long least, long most)
    {
        if (value < least || value > most) Invalid(field, value.Value, $"must be between {least} and {most}, inclusive");
    }

    public void NotNegative(string field, long? value)
    {
        if (value < 0) Invalid(field, value.Value, "must be greater than or equal to 0");
    }

    public void Id(string field, long? value) => Range(field, value, 0, int.MaxValue);

    public IEnumerator<(string Field, string Message)> GetEnumerator() => _all.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
