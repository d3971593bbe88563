namespace NativeKubelet.Cli;

/// <summary>Figures as people read them.</summary>
public static class Units
{
    /// <summary>512B, 12Ki, 3.4Mi, 1.2Gi: three significant digits at most.</summary>
    public static string Bytes(long bytes)
    {
        if (bytes < 1024) return $"{bytes}B";
        double value = bytes;
        int unit = -1;
        while (value >= 1024 && unit < 4)
        {
            value /= 1024;
            unit++;
        }
        return value < 10 ? $"{value:0.0}{"KMGTP"[unit]}i" : $"{value:0}{"KMGTP"[unit]}i";
    }

    /// <summary>Millicores, or micro-cores below one of them: 250m, 0.4m.</summary>
    public static string Cpu(long nanoCores) => nanoCores < 10_000_000 ? $"{nanoCores / 1e6:0.#}m" : $"{nanoCores / 1_000_000}m";

    /// <summary>kubectl's form of an age: 45s, 12m, 3h20m, 5d.</summary>
    public static string Age(TimeSpan age)
    {
        if (age < TimeSpan.Zero) age = TimeSpan.Zero;
        if (age.TotalSeconds < 120) return $"{(int)age.TotalSeconds}s";
        if (age.TotalMinutes < 10) return age.Seconds == 0 ? $"{age.Minutes}m" : $"{age.Minutes}m{age.Seconds}s";
        if (age.TotalHours < 3) return $"{(int)age.TotalMinutes}m";
        if (age.TotalHours < 8) return age.Minutes == 0 ? $"{age.Hours}h" : $"{age.Hours}h{age.Minutes}m";
        if (age.TotalHours < 48) return $"{(int)age.TotalHours}h";
        return $"{(int)age.TotalDays}d";
    }
}
