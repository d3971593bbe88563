using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics;

namespace NativeKubelet.Core.Resources;

/// <summary>How a quantity was written; kept, so that it is printed the same way.</summary>
public enum QuantityFormat { DecimalSi, BinarySi, DecimalExponent }

/// <summary>
/// An amount in Kubernetes' notation ("250m", "64Mi", "1e3"), exact to 10⁻⁹. Finer amounts are rounded away from zero,
/// amounts beyond 2⁶³−1 are held there: both as the API server does.
/// </summary>
public readonly struct Quantity : IEquatable<Quantity>, IComparable<Quantity>
{
    private const long Nano = 1_000_000_000;

    /// <summary>Longer texts are refused: no honest amount needs them, and exact arithmetic on them costs time.</summary>
    private const int LongestText = 128;

    private const int LargestExponent = 64;

    private static readonly string[] Binary = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    private static readonly string[] Decimal = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
    private static readonly Int128 Most = (Int128)long.MaxValue * Nano;

    private readonly Int128 _nanos;

    private Quantity(Int128 nanos, QuantityFormat format)
    {
        _nanos = Int128.Clamp(nanos, -Most, Most);
        Format = format;
    }

    public QuantityFormat Format { get; }

    public bool IsPositive => _nanos > 0;

    public static Quantity FromWhole(long value, QuantityFormat format = QuantityFormat.DecimalSi) => new((Int128)value * Nano, format);

    public static Quantity FromMilli(long value) => new((Int128)value * (Nano / 1000), QuantityFormat.DecimalSi);

    /// <summary>Whole units, rounded away from zero.</summary>
    public long Whole => (long)DivideUp(_nanos, Nano);

    /// <summary>Thousandths, rounded away from zero; held at the ends of long.</summary>
    public long Milli => (long)Int128.Clamp(DivideUp(_nanos, Nano / 1000), long.MinValue, long.MaxValue);

    public static Quantity operator +(Quantity left, Quantity right) =>
        new(left._nanos + right._nanos, left._nanos == 0 ? right.Format : left.Format);

    public static Quantity operator -(Quantity left, Quantity right) =>
        new(left._nanos - right._nanos, left._nanos == 0 ? right.Format : left.Format);

    public static bool operator ==(Quantity left, Quantity right) => left.Equals(right);
    public static bool operator !=(Quantity left, Quantity right) => !left.Equals(right);
    public static bool operator <(Quantity left, Quantity right) => left._nanos < right._nanos;
    public static bool operator >(Quantity left, Quantity right) => left._nanos > right._nanos;
    public static bool operator <=(Quantity left, Quantity right) => left._nanos <= right._nanos;
    public static bool operator >=(Quantity left, Quantity right) => left._nanos >= right._nanos;

    public static Quantity Max(Quantity left, Quantity right) => left >= right ? left : right;

    /// <exception cref="FormatException">The text is not a quantity.</exception>
    public static Quantity Parse(string text) =>
        TryParse(text, out Quantity value) ? value : throw new FormatException($"quantity \"{text}\" is not a number with one of the suffixes n u m k M G T P E Ki Mi Gi Ti Pi Ei or an exponent");

    public static bool TryParse([NotNullWhen(true)] string? text, out Quantity value)
    {
        value = default;
        if (text is not { Length: > 0 and <= LongestText }) return false;

        int at = text[0] is '+' or '-' ? 1 : 0;
        int digitsStart = at;
        while (at < text.Length && char.IsAsciiDigit(text[at])) at++;
        string whole = text[digitsStart..at], fraction = "";
        if (at < text.Length && text[at] == '.')
        {
            int start = ++at;
            while (at < text.Length && char.IsAsciiDigit(text[at])) at++;
            fraction = text[start..at];
        }
        if (whole.Length + fraction.Length == 0) return false;
        if (!TryScale(text.AsSpan(at), out int ten, out int two, out QuantityFormat format)) return false;

        BigInteger mantissa = BigInteger.Parse(whole + fraction, NumberStyles.None, CultureInfo.InvariantCulture) << two;
        int exponent = ten - fraction.Length + 9;
        BigInteger nanos = exponent >= 0
            ? mantissa * BigInteger.Pow(10, exponent)
            : (mantissa + BigInteger.Pow(10, -exponent) - 1) / BigInteger.Pow(10, -exponent);
        nanos = BigInteger.Min(nanos, (BigInteger)Most);
        value = new Quantity(text[0] == '-' ? -(Int128)nanos : (Int128)nanos, format);
        return true;
    }

    /// <summary>The canonical form: no fraction, the largest suffix that needs none.</summary>
    public override string ToString()
    {
        if (_nanos == 0) return "0";
        if (Format == QuantityFormat.BinarySi && _nanos % Nano == 0 && Int128.Abs(_nanos) >= (Int128)1024 * Nano)
        {
            Int128 amount = _nanos / Nano;
            int power = 0;
            while (amount % 1024 == 0 && power < Binary.Length - 1) { amount /= 1024; power++; }
            return amount.ToString(CultureInfo.InvariantCulture) + Binary[power];
        }

        Int128 rest = _nanos;
        int step = 0;
        while (rest % 1000 == 0 && step < Decimal.Length - 1) { rest /= 1000; step++; }
        int ten = step * 3 - 9;
        string digits = rest.ToString(CultureInfo.InvariantCulture);
        return Format != QuantityFormat.DecimalExponent ? digits + Decimal[step] : ten == 0 ? digits : $"{digits}e{ten}";
    }

    public bool Equals(Quantity other) => _nanos == other._nanos;
    public override bool Equals(object? obj) => obj is Quantity other && Equals(other);
    public override int GetHashCode() => _nanos.GetHashCode();
    public int CompareTo(Quantity other) => _nanos.CompareTo(other._nanos);

    private static bool TryScale(ReadOnlySpan<char> suffix, out int ten, out int two, out QuantityFormat format)
    {
        (ten, two, format) = (0, 0, QuantityFormat.DecimalSi);
        if (suffix.IsEmpty) return true;
        if (suffix.Length == 2 && suffix[1] == 'i')
        {
            int power = "KMGTPE".IndexOf(suffix[0]) + 1;
            (two, format) = (power * 10, QuantityFormat.BinarySi);
            return power > 0;
        }
        if (suffix.Length == 1 && "numkMGTPE".Contains(suffix[0]))
        {
            ten = Array.IndexOf(Decimal, suffix.ToString()) * 3 - 9;
            return true;
        }
        format = QuantityFormat.DecimalExponent;
        return suffix[0] is 'e' or 'E' && suffix.Length <= 4
            && int.TryParse(suffix[1..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out ten)
            && Math.Abs(ten) <= LargestExponent;
    }

    private static Int128 DivideUp(Int128 value, long divisor)
    {
        (Int128 quotient, Int128 rest) = Int128.DivRem(value, divisor);
        return rest == 0 ? quotient : quotient + Int128.Sign(value);
    }
}
