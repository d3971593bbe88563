using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using NativeKubelet.Cluster.Certificates;
using NativeKubelet.Config;
using NativeKubelet.Tests.Unit.Linux.Files;

namespace NativeKubelet.Tests.Unit.App.Cluster;

public sealed class CertificateFilesTests : IDisposable
{
    private static readonly DateTimeOffset T0 = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private readonly TemporaryDirectory _directory = new();

    [Fact]
    public void The_newest_certificate_is_the_current_one_and_former_ones_stay()
    {
        CertificateFiles files = CertificateFiles.Client(_directory.Path);
        (string first, string key) = Pair("first");
        (string second, string other) = Pair("second");

        files.Keep(first, key, T0);
        files.Keep(second, other, T0.AddSeconds(1));

        Assert.Equal("CN=second", files.Load()?.Subject);
        Assert.Equal(2, Directory.GetFiles(_directory.Path, "kubelet-client-2*.pem").Length);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(new FileInfo(files.CurrentPath).LinkTarget!));
        Assert.True(X509Certificate2.CreateFromPemFile(files.CurrentPath).HasPrivateKey);
    }

    [Fact]
    public void A_certificate_without_its_own_key_leaves_the_former_in_place()
    {
        CertificateFiles files = CertificateFiles.Client(_directory.Path);
        (string first, string key) = Pair("first");
        files.Keep(first, key, T0);

        Assert.ThrowsAny<CryptographicException>(() => files.Keep(Pair("second").Certificate, key, T0.AddSeconds(1)));

        Assert.Equal("CN=first", files.Load()?.Subject);
    }

    [Fact]
    public void A_change_that_was_broken_off_between_its_two_links_is_ended()
    {
        CertificateFiles files = CertificateFiles.Client(_directory.Path);
        (string certificate, string key) = Pair("only");
        files.Keep(certificate, key, T0);
        File.Move(files.CurrentPath, files.CurrentPath.Replace("current", "updated", StringComparison.Ordinal));

        files.Recover();

        Assert.Equal("CN=only", files.Load()?.Subject);
    }

    [Fact]
    public void A_file_where_the_link_should_be_is_left_alone()
    {
        CertificateFiles files = CertificateFiles.Client(_directory.Path);
        File.WriteAllText(files.CurrentPath, "somebody's");

        ConfigException fault = Assert.Throws<ConfigException>(files.Recover);

        Assert.Equal($"{files.CurrentPath} must be a symbolic link to a certificate with its key; move the file away", fault.Message);
        Assert.Equal("somebody's", File.ReadAllText(files.CurrentPath));
    }

    public void Dispose() => _directory.Dispose();

    private static (string Certificate, string Key) Pair(string name)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 certificate = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256).CreateSelfSigned(T0, T0.AddDays(1));
        return (certificate.ExportCertificatePem(), key.ExportECPrivateKeyPem());
    }
}
