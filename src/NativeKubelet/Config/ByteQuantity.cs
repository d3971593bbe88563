using System.Globalization;

namespace NativeKubelet.Config;

/// <summary>A Kubernetes quantity as a whole number, rounded up: 10Mi, 1.5G, 100m, 1e6.</summary>
internal static class ByteQuantity
{
    public static bool TryParse(string? text, out long value)
    {
        value = 0;
        if (string.IsNullOrEmpty(text) || text.Length > 64) return false;
        int end = text.AsSpan().LastIndexOfAnyInRange('0', '9') + 1;
        if (end < text.Length && text[end] == '.') end++;
        decimal factor = text[end..] switch
        {
            "" => 1m,
            "n" => 1e-9m,
            "u" => 1e-6m,
            "m" => 1e-3m,
            "k" => 1e3m,
            "M" => 1e6m,
            "G" => 1e9m,
            "T" => 1e12m,
            "P" => 1e15m,
            "E" => 1e18m,
            "Ki" => 1L << 10,
            "Mi" => 1L << 20,
            "Gi" => 1L << 30,
            "Ti" => 1L << 40,
            "Pi" => 1L << 50,
            "Ei" => 1L << 60,
            _ => 0,
        };
        const NumberStyles style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        if (factor == 0 || !decimal.TryParse(text[..end], style, CultureInfo.InvariantCulture, out decimal number) || Math.Abs(number) > 1e19m) return false;
        decimal whole = Math.Abs(number) * factor > long.MaxValue ? long.MaxValue : Math.Ceiling(Math.Abs(number) * factor);
        value = number < 0 ? -(long)whole : (long)whole;
        return true;
    }
}
