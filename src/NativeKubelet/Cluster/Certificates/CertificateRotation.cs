using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Certificates;
using NativeKubelet.Core.Stats;

namespace NativeKubelet.Cluster.Certificates;

/// <summary>
/// Keeps one certificate of the node fresh: asks for a newer one while the present one is still good, or at once where there is
/// none that would do. Dates are those of the wall clock, as certificates' are; it is looked at hourly at least, as it may be set.
/// </summary>
/// <param name="wish">Null: nothing can be asked for yet or ever.</param>
/// <param name="present">The one in use; the caller disposes of it.</param>
/// <param name="kept">Told when a certificate that will do is there: at the start, and after each change.</param>
internal sealed partial class CertificateRotation(
    CertificateFiles files, CertificateWish wish, Func<X509Certificate2?> present, SigningRequests requests, Action kept, CounterFamily failures, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan LongestSleep = TimeSpan.FromHours(1), LeastLife = TimeSpan.FromSeconds(1);

    private readonly RetryPause _pause = new(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(32), time);

    /// <param name="atOnce">Whatever the present one's age: it was given with the configuration and is not for long use.</param>
    public async Task RunAsync(bool atOnce, CancellationToken cancel)
    {
        if (!atOnce && Life() is not null) kept();
        while (true)
        {
            if (!atOnce && Life() is { } life) await SleepAsync(life.RenewAt(Random.Shared.NextDouble()), cancel);
            try
            {
                (string certificates, string key) = await requests.SignAsync(wish, cancel);
                files.Keep(certificates, key, time.GetUtcNow());
                Renewed(wish.Signer, files.CurrentPath);
                atOnce = false;
                _pause.Reset();
                kept();
                // Of a signer that gives certificates without any life in them not more is asked than that.
                await Task.Delay(LeastLife, time, cancel);
            }
            catch (Exception e) when (e is ApiException or IOException or CryptographicException)
            {
                failures.Increment();
                NotRenewed(wish.Signer, e.Message);
                await _pause.WaitAsync((e as ApiException)?.RetryAfter, cancel);
            }
        }
    }

    /// <returns>Null when there is none, or one that does not meet the wish.</returns>
    private CertificateLife? Life()
    {
        using X509Certificate2? certificate = present();
        if (certificate is null) return null;
        X509SubjectAlternativeNameExtension? names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().FirstOrDefault();
        List<(string Oid, string Value)> subject =
            [.. certificate.SubjectName.EnumerateRelativeDistinguishedNames().Where(p => !p.HasMultipleElements).Select(p => (p.GetSingleElementType().Value ?? "", p.GetSingleElementValue() ?? ""))];
        bool met = wish.IsMetBy(
            subject.FirstOrDefault(p => p.Oid == "2.5.4.3").Value ?? "", [.. subject.Where(p => p.Oid == "2.5.4.10").Select(p => p.Value)],
            [.. names?.EnumerateDnsNames() ?? []], [.. (names?.EnumerateIPAddresses() ?? []).Select(a => a.ToString())]);
        CertificateLife life = new(certificate.NotBefore, certificate.NotAfter);
        return met && !life.IsOver(time.GetUtcNow()) ? life : null;
    }

    private async Task SleepAsync(DateTimeOffset until, CancellationToken cancel)
    {
        while (until - time.GetUtcNow() is var rest && rest > TimeSpan.Zero) await Task.Delay(rest < LongestSleep ? rest : LongestSleep, time, cancel);
    }

    [LoggerMessage(LogLevel.Information, "CertificateRenewed signer={Signer} path={Path}")]
    private partial void Renewed(string signer, string path);

    [LoggerMessage(LogLevel.Warning, "CertificateNotRenewed signer={Signer}: {Cause}; it is asked for again")]
    private partial void NotRenewed(string signer, string cause);
}
