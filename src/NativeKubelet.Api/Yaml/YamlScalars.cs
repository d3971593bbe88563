using System.Globalization;
using System.Text;
using System.Text.Json;

namespace NativeKubelet.Api.Yaml;

/// <summary>
/// What an unquoted word means: YAML 1.1 as Kubernetes reads it (yes, on and y are true; 010 is 8; 1_000 is 1000),
/// so that a manifest means here what it means to kubectl. Sexagesimal numbers and timestamps stay strings.
/// </summary>
internal static class YamlScalars
{
    private static readonly byte[] Null = "null"u8.ToArray();
    private static readonly byte[] True = "true"u8.ToArray();
    private static readonly byte[] False = "false"u8.ToArray();

    /// <summary>The word as JSON text.</summary>
    /// <exception cref="FormatException">Infinity or not-a-number, which JSON cannot say.</exception>
    public static byte[] Plain(string word) => word switch
    {
        "" or "~" or "null" or "Null" or "NULL" => Null,
        "true" or "True" or "TRUE" or "y" or "Y" or "yes" or "Yes" or "YES" or "on" or "On" or "ON" => True,
        "false" or "False" or "FALSE" or "n" or "N" or "no" or "No" or "NO" or "off" or "Off" or "OFF" => False,
        ".nan" or ".NaN" or ".NAN" or ".inf" or ".Inf" or ".INF" or "+.inf" or "+.Inf" or "+.INF" or "-.inf" or "-.Inf" or "-.INF"
            => throw new FormatException($"{word} has no JSON form"),
        _ => Number(word) ?? Quoted(word),
    };

    public static byte[] Quoted(string text) => [(byte)'"', .. JsonEncodedText.Encode(text).EncodedUtf8Bytes, (byte)'"'];

    /// <summary>An explicit tag's meaning (<c>!!str 5</c>).</summary>
    /// <exception cref="FormatException">The tag is unknown, or the text is none of its kind.</exception>
    public static byte[] Tagged(string tag, string text)
    {
        if (tag is "!" or "tag:yaml.org,2002:str") return Quoted(text);
        byte[] plain = Plain(text);
        bool fits = tag switch
        {
            "tag:yaml.org,2002:null" => plain[0] == 'n',
            "tag:yaml.org,2002:bool" => plain[0] is (byte)'t' or (byte)'f',
            "tag:yaml.org,2002:int" or "tag:yaml.org,2002:float" => plain[0] is (byte)'-' or (>= (byte)'0' and <= (byte)'9'),
            _ => throw new FormatException($"tag {tag} is not supported"),
        };
        return fits ? plain : throw new FormatException($"{text} does not fit the tag {tag}");
    }

    private static byte[]? Number(string word)
    {
        if (word[0] is not ('+' or '-' or '.' or (>= '0' and <= '9')) || word.Length > 400) return null;
        string text = word.Replace("_", "", StringComparison.Ordinal);
        bool negative = text.StartsWith('-');
        string digits = negative || text.StartsWith('+') ? text[1..] : text;
        if (digits.Length == 0) return null;
        if (Integer(digits) is { } magnitude && (!negative || magnitude <= 1ul << 63))
        {
            string sign = negative && magnitude != 0 ? "-" : "";
            return Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{sign}{magnitude}"));
        }

        if (!LooksLikeFloat(digits)) return null;
        double number = double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
        return double.IsFinite(number) ? Encoding.ASCII.GetBytes(number.ToString("R", CultureInfo.InvariantCulture)) : null;
    }

    private static ulong? Integer(string digits)
    {
        (int radix, int start) = digits switch
        {
            ['0', 'x' or 'X', _, ..] => (16, 2),
            ['0', 'o' or 'O', _, ..] => (8, 2),
            ['0', 'b' or 'B', _, ..] => (2, 2),
            ['0', _, ..] => (8, 1),
            _ => (10, 0),
        };
        UInt128 value = 0;
        foreach (char c in digits.AsSpan(start))
        {
            int digit = char.IsAsciiHexDigit(c) ? (char.IsAsciiDigit(c) ? c - '0' : (c | 0x20) - 'a' + 10) : radix;
            value = value * (UInt128)radix + (UInt128)digit;
            if (digit >= radix || value > ulong.MaxValue) return null;
        }

        return (ulong)value;
    }

    // digits[.digits][e[+-]digits], or .digits with an exponent or without
    private static bool LooksLikeFloat(string text)
    {
        int i = 0;
        int whole = Digits(text, ref i);
        int fraction = 0;
        if (i < text.Length && text[i] == '.')
        {
            i++;
            fraction = Digits(text, ref i);
        }

        if (whole + fraction == 0) return false;
        if (i < text.Length && text[i] is 'e' or 'E')
        {
            i++;
            if (i < text.Length && text[i] is '+' or '-') i++;
            if (Digits(text, ref i) == 0) return false;
        }

        return i == text.Length;
    }

    private static int Digits(string text, ref int i)
    {
        int start = i;
        while (i < text.Length && char.IsAsciiDigit(text[i])) i++;
        return i - start;
    }
}
