using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using NativeKubelet.Config;
using NativeKubelet.Server.Tls;

namespace NativeKubelet.Tests.Unit.App.Server.Tls;

public sealed class CertificateTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;

    [Fact]
    public void Organisations_in_one_relative_name_as_Go_writes_them_are_groups_each()
    {
        CertificateSubject subject = CertificateSubject.Of(Name([[("2.5.4.10", "dev"), ("2.5.4.10", "ops")], [("2.5.4.3", "jane")], [("1.3.6.1.4.1.57683.2", "u-1")]]));

        Assert.Equal(("jane", "dev ops", "u-1"), (subject.Name, string.Join(' ', subject.Groups), subject.Uid));
    }

    [Fact]
    public void A_self_made_pair_names_the_host_and_is_made_once()
    {
        string directory = Directory.CreateTempSubdirectory().FullName;
        try
        {
            (string certificate, string key) = SelfSignedCertificate.Ensure(directory, "node-1", Now);
            string first = File.ReadAllText(certificate);
            SelfSignedCertificate.Ensure(directory, "node-1", Now);

            Assert.Equal(first, File.ReadAllText(certificate));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(key));
            using X509Certificate2 leaf = X509Certificate2.CreateFromPemFile(certificate, key);
            Assert.True(leaf.MatchesHostname("node-1"));
            Assert.StartsWith("CN=node-1@", leaf.Subject, StringComparison.Ordinal);
            X509Certificate2Collection all = [];
            all.ImportFromPem(first);
            Assert.Equal(2, all.Count);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public void Only_a_certificate_for_clients_of_a_trusted_authority_and_of_this_time_names_anybody()
    {
        using X509Certificate2 root = Root(), foreign = Root();
        using X509Certificate2 good = Issue(root, Now.AddDays(1), "1.3.6.1.5.5.7.3.2"), old = Issue(root, Now.AddHours(-1), "1.3.6.1.5.5.7.3.2"), server = Issue(root, Now.AddDays(1), "1.3.6.1.5.5.7.3.1");

        Assert.Equal("jane", ClientAuthorities.Verify(good, [], [root], Now)?.Name);
        Assert.Null(ClientAuthorities.Verify(good, [], [foreign], Now));
        Assert.Null(ClientAuthorities.Verify(good, [root], [foreign], Now));
        Assert.Null(ClientAuthorities.Verify(old, [], [root], Now));
        Assert.Null(ClientAuthorities.Verify(server, [], [root], Now));
    }

    [Fact]
    public void A_suite_that_nobody_knows_ends_the_start() =>
        Assert.Contains("TLS_NONSENSE", Assert.Throws<ConfigException>(() => TlsRules.Of("", ["TLS_NONSENSE"])).Message, StringComparison.Ordinal);

    private static X509Certificate2 Root()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=ca", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(Now.AddDays(-10), Now.AddDays(10));
    }

    private static X509Certificate2 Issue(X509Certificate2 root, DateTimeOffset until, string usage)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new(Name([[("2.5.4.3", "jane")]]), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        return request.Create(root, Now.AddDays(-2), until, RandomNumberGenerator.GetBytes(8));
    }

    private static X500DistinguishedName Name((string Oid, string Text)[][] parts)
    {
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
            foreach ((string, string)[] relative in parts)
                using (writer.PushSetOf())
                    foreach ((string oid, string text) in relative)
                        using (writer.PushSequence())
                        {
                            writer.WriteObjectIdentifier(oid);
                            writer.WriteCharacterString(UniversalTagNumber.UTF8String, text);
                        }
        return new X500DistinguishedName(writer.Encode());
    }
}
