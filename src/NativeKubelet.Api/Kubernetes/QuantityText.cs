using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using k8s.Models;

namespace NativeKubelet.Api.Kubernetes;

/// <summary>
/// The text form of quantities: digits, one optional point, and one suffix (n u m k M G T P E, Ki Mi Gi Ti Pi Ei, or an exponent).
/// It stands before the package's own parser, which works seconds on "1e30000" and accepts fractions and blanks.
/// </summary>
public static class QuantityText
{
    private const int LongestMantissa = 28; // what a decimal holds without loss
    private const int LargestExponent = 18; // 10^18 < 2^63 < 10^19

    /// <param name="error">Lower case, without the field; null-safe for <paramref name="text"/>.</param>
    public static bool TryParse(string? text, [NotNullWhen(true)] out ResourceQuantity? quantity, out string error)
    {
        quantity = null;
        error = "must be a quantity such as 100m, 0.5, 64Mi or 1e3";
        if (string.IsNullOrEmpty(text)) return false;

        int at = text[0] is '+' or '-' ? 1 : 0, digits = 0;
        bool point = false;
        for (; at < text.Length && (char.IsAsciiDigit(text[at]) || (text[at] == '.' && !point)); at++)
        {
            if (text[at] == '.') point = true;
            else digits++;
        }
        if (digits == 0) return false;
        string suffix = text[at..];
        if (!IsSuffix(suffix, out int exponent)) return false;

        error = "is out of range: at most 9223372036854775807, at least a billionth";
        if (digits > LongestMantissa || exponent is > LargestExponent or < -LargestExponent) return false;
        try
        {
            var parsed = new ResourceQuantity(text);
            decimal value = parsed.ToDecimal();
            if (decimal.Abs(value) > long.MaxValue) return false;
            quantity = parsed;
            return true;
        }
        catch (Exception e) when (e is FormatException or OverflowException or ArgumentException)
        {
            return false;
        }
    }

    public static string Format(ResourceQuantity quantity)
    {
        // The package writes a negative whole number as a tiny fraction of an exa.
        decimal value = quantity.ToDecimal();
        return value < 0 ? value.ToString(CultureInfo.InvariantCulture) : quantity.CanonicalizeString();
    }

    private static bool IsSuffix(string suffix, out int exponent)
    {
        exponent = 0;
        if (suffix is "" or "n" or "u" or "m" or "k" or "M" or "G" or "T" or "P" or "E" or "Ki" or "Mi" or "Gi" or "Ti" or "Pi" or "Ei") return true;
        return suffix[0] is 'e' or 'E' && suffix.Length <= 5
            && int.TryParse(suffix.AsSpan(1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent);
    }
}
